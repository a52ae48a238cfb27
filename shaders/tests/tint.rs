//! Every shader is valid for Tint, which compiles them in Chromium. It comes with Dawn in a package of Node's, which the test
//! installs below the target folder.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use effigy_shaders::composed;

/// Dawn for Node, <https://github.com/dawn-gpu/node-webgpu>.
const PACKAGE: &str = "webgpu@0.4.0";
const MISSING: &str = "shaders are compiled with Tint, which runs on Node: install Node.js 18 or later and npm \
    (apt-get install nodejs npm), and let this machine reach npm's registry once";

/// What `program` writes, or why it could not be run.
fn run(program: &str, command: &mut Command) -> String {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{program} cannot be run ({error}): {MISSING}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} failed: {MISSING}\n{}", errors.trim());
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The folder of the package, which is installed once for all builds in this target folder.
fn package() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let prefix = Path::new(env!("CARGO_TARGET_TMPDIR")).join(PACKAGE);
        let done = prefix.join("installed");
        if !done.exists() {
            fs::create_dir_all(&prefix).expect("the target folder is writable");
            let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
            let install = ["install", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts", "--prefix"];
            run(npm, Command::new(npm).args(install).arg(&prefix).arg(PACKAGE));
            fs::write(&done, "").expect("the target folder is writable");
        }
        prefix.join("node_modules/webgpu")
    })
}

/// What Tint finds wrong with some shaders, a line a message; nothing if all are right. `folder` is theirs alone.
fn faults<'a>(folder: &str, shaders: impl IntoIterator<Item = (&'a str, Cow<'a, str>)>) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
    fs::create_dir_all(&folder).expect("the target folder is writable");
    let files = shaders.into_iter().map(|(name, source)| {
        let file = folder.join(name).with_extension("wgsl");
        fs::write(&file, &*source).expect("the target folder is writable");
        file
    });
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tint.mjs");
    run("node", Command::new("node").arg(script).arg(package()).args(files))
}

#[test]
fn every_shader_compiles() {
    let faults = faults("composed", composed::ALL.iter().map(|shader| (shader.name, shader.browser_wgsl())));
    assert!(faults.is_empty(), "Tint refuses shaders:\n{faults}");
}

/// A barrier that only some threads of a workgroup come to: naga takes it, Tint and so every Chromium does not.
#[test]
fn a_fault_that_naga_does_not_see_is_seen() {
    let source = "
        @group(0) @binding(0) var<storage, read_write> numbers: array<u32>;
        var<workgroup> first: u32;
        @compute @workgroup_size(64)
        fn add(@builtin(local_invocation_index) thread: u32) {
            if numbers[thread] > 3u {
                first = numbers[0];
                workgroupBarrier();
                numbers[thread] += first;
            }
        }";
    let module = naga::front::wgsl::parse_str(source).expect("naga parses it");
    naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::empty())
        .validate(&module)
        .expect("naga takes it");
    let faults = faults("wrong", [("divergent", Cow::Borrowed(source))]);
    let expected =
        "divergent.wgsl:8:17: error: 'workgroupBarrier' must only be called from uniform control flow";
    assert!(faults.starts_with(expected), "{faults}");
}

/// What naga has no line for, browsers have to be told.
#[test]
fn subgroups_are_announced_to_browsers_alone() {
    let shaders = composed::ALL.iter().filter(|shader| shader.name.ends_with("_subgroups"));
    let shaders: Vec<_> = shaders.collect();
    assert_eq!(shaders.len(), 4);
    for shader in &shaders {
        assert!(shader.browser_wgsl().starts_with("enable subgroups;\n"), "{}", shader.name);
        assert!(!shader.wgsl().contains("enable "), "{}", shader.name);
    }
    let faults = faults("unannounced", shaders.iter().map(|shader| (shader.name, shader.wgsl())));
    for shader in shaders {
        assert!(faults.contains(shader.name), "Tint takes {} without being told: {faults}", shader.name);
    }
}
