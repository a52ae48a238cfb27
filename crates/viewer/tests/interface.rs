//! The interface, drawn off screen and looked at.

use effigy_viewer::{Bundled, Offscreen, Options, Picture, Storage};

const BUNDLED: Bundled = Bundled {
    avatar: include_bytes!("../../../assets/head.glb"),
    track: include_bytes!("../../../assets/greeting.json"),
};

fn options() -> Options {
    Options { storage: Storage::Nowhere, ..Options::new(BUNDLED) }
}

fn settled(options: Options, size: [u32; 2]) -> Offscreen {
    let mut offscreen = Offscreen::open(options, size).unwrap();
    offscreen.settle().unwrap();
    assert!(offscreen.viewer().faults().is_empty(), "{:?}", offscreen.viewer().faults());
    offscreen
}

/// Where the environment says, to be looked at.
fn keep(picture: &Picture, name: &str) {
    if let Some(folder) = std::env::var_os("EFFIGY_PICTURES") {
        picture.save(std::path::Path::new(&folder).join(name)).unwrap();
    }
}

#[test]
fn the_bundled_avatar_stands_in_the_middle() {
    let offscreen = settled(options(), [1440, 900]);
    let picture = offscreen.picture().unwrap();
    keep(&picture, "first.png");
}
