//! Captures of every format, read and checked.

#![allow(clippy::unwrap_used)] // Helpers outside test functions fail the test all the same.

mod capture_support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use capture_support::{VIEWS, colmap, cube, own, picture, transforms, vhap, write, write_json};
use effigy_capture::{
    Capture, CaptureError, CaptureFrame, CaptureLimits, CaptureOptions, Picture, PictureCache, Severity,
    Split, UpAxis,
};
use effigy_rig::{LoadLimits, Rig};
use effigy_splat::Camera;
use effigy_tests::data;
use glam::Vec3;
use serde_json::json;

fn open(folder: &Path) -> Capture {
    Capture::open(folder, &CaptureOptions::default()).unwrap()
}

/// Where a camera puts a point, as its documentation says.
fn pixel(camera: &Camera, point: [f32; 3]) -> [f32; 2] {
    let p = camera.camera_from_world.transform_point3(point.into());
    [camera.cx + camera.fx * p.x / -p.z, camera.cy - camera.fy * p.y / -p.z]
}

fn assert_views(frames: &[CaptureFrame]) {
    assert_eq!(frames.len(), VIEWS.len());
    for (frame, view) in frames.iter().zip(&VIEWS) {
        let camera = &frame.camera;
        camera.validate().unwrap();
        assert_eq!((camera.width, camera.height), (100, 80));
        let [x, y] = pixel(camera, view.point);
        let [u, v] = view.pixel;
        assert!((x - u).abs() < 1e-4 && (y - v).abs() < 1e-4, "{}: {x} {y} is not {u} {v}", frame.name);
        assert!(camera.camera_from_world.transform_point3(view.point.into()).z < 0.0);
    }
}

fn lines(capture: &Capture, rig: Option<&Rig>) -> Vec<String> {
    capture.check(rig).iter().map(ToString::to_string).collect()
}

fn controls(pairs: &[(&str, f32)]) -> BTreeMap<String, f32> {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value)).collect()
}

#[test]
fn all_formats_see_a_known_point_on_a_known_pixel() {
    let folder = tempfile::tempdir().unwrap();
    for (name, make) in [
        ("own", own as fn(&Path)),
        ("text", |f: &Path| colmap(f, false)),
        ("binary", |f: &Path| colmap(f, true)),
    ] {
        let folder = folder.path().join(name);
        make(&folder);
        assert_views(&open(&folder).frames);
    }
}

#[test]
fn the_own_format_is_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    own(folder.path());
    let capture = open(folder.path());
    assert_eq!(capture.rig.as_deref(), Some(&*folder.path().join("head.glb")));
    assert_eq!(capture.camera_names, ["camera", "left", "7"]);
    assert_eq!(capture.frames.iter().map(|f| f.camera_id).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(
        capture.frames.iter().map(|f| f.split).collect::<Vec<_>>(),
        [Split::Train, Split::NovelView, Split::NovelExpression]
    );
    let [a, b, _] = &capture.frames[..] else { panic!() };
    assert_eq!(a.controls, controls(&[("eyeBlinkLeft", 1.0), ("jawOpen", 0.3)]));
    assert_eq!(a.joints["head"], [0.0, 0.0, 0.0, 1.0]);
    assert_eq!((a.time, b.time), (Some(0.5), None));
    assert_eq!(b.mask.as_deref(), Some(&*folder.path().join("masks/b.png")));
    assert_eq!(b.name, "images/b.jpg");
    // The file itself may be named, and the caller's rig goes before its own.
    let options = CaptureOptions { rig: Some("other.glb".into()), ..CaptureOptions::default() };
    let named = Capture::open(folder.path().join("transforms.json"), &options).unwrap();
    assert_eq!(named.frames, capture.frames);
    assert_eq!(named.rig.unwrap(), Path::new("other.glb"));
    assert_eq!(serde_json::to_string(&Split::NovelExpression).unwrap(), "\"novel_expression\"");
}

#[test]
fn nerfstudio_files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b", "c", "d"] {
        picture(&folder.path().join(format!("images/{name}.png")), 100, 80, [1, 2, 3, 255]);
    }
    let m = VIEWS[0].opengl;
    let mut file = transforms(vec![
        // Without its extension; a right angle across 100 pixels is a focal length of 50.
        json!({"file_path": "./images/a", "transform_matrix": m, "camera_angle_x": std::f64::consts::FRAC_PI_2}),
        json!({"file_path": "images/b.png", "transform_matrix": m, "cx": 3, "fl_x": 99}),
        json!({"file_path": "images/c.png", "transform_matrix": m, "k1": 0.0}),
        json!({"file_path": "images/d.png", "transform_matrix": m}),
    ]);
    file["train_filenames"] = json!(["./images/b.png", "images/c.png"]);
    file["val_filenames"] = json!(["images/a"]);
    file["camera_model"] = "OPENCV".into();
    write_json(&folder.path().join("transforms.json"), &file);
    let capture = open(folder.path());
    let [a, b, c] = &capture.frames[..] else { panic!() };
    assert_eq!(a.picture, folder.path().join("images/a.png"));
    assert!((a.camera.fx - 50.0).abs() < 1e-4 && a.camera.fx == a.camera.fy);
    assert_eq!((b.camera.cx, b.camera.fx, b.camera.fy), (3.0, 99.0, 99.0));
    assert_eq!((c.camera.fx, c.camera.fy), (120.0, 110.0));
    assert_eq!([a.split, b.split, c.split], [Split::NovelView, Split::Train, Split::Train]);
    // Other intrinsics do not make another camera.
    assert_eq!(capture.camera_names, ["camera"]);
    let found = lines(&capture, None);
    assert!(found[0].starts_with("warning: capture: 1 frame in none of train_filenames"), "{found:?}");
}

#[test]
fn synthetic_scenes_take_their_size_from_the_picture() {
    let folder = tempfile::tempdir().unwrap();
    for part in ["train", "val", "test"] {
        picture(&folder.path().join(format!("{part}/r_0.png")), 60, 40, [1, 2, 3, 255]);
        let frames = json!([{"file_path": format!("./{part}/r_0"), "transform_matrix": VIEWS[0].opengl}]);
        let file = json!({"camera_angle_x": std::f64::consts::FRAC_PI_2, "frames": frames});
        write_json(&folder.path().join(format!("transforms_{part}.json")), &file);
    }
    let options = CaptureOptions { up_axis: UpAxis::Z, ..CaptureOptions::default() };
    let capture = Capture::open(folder.path(), &options).unwrap();
    let splits: Vec<Split> = capture.frames.iter().map(|f| f.split).collect();
    assert_eq!(splits, [Split::Train, Split::NovelView, Split::NovelView]);
    let camera = &capture.frames[0].camera;
    assert_eq!((camera.width, camera.height, camera.cx, camera.cy), (60, 40, 30.0, 20.0));
    assert!((camera.fx - 30.0).abs() < 1e-4 && (camera.fy - 30.0).abs() < 1e-4);
    // From 2 above on the way up.
    assert!(camera.eye().abs_diff_eq(Vec3::new(0.0, 2.0, 0.0), 1e-6), "{}", camera.eye());
}

#[test]
fn colmap_models_are_read() {
    for binary in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        colmap(folder.path(), binary);
        let capture = open(folder.path());
        let names: Vec<&str> = capture.frames.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["a b/x.png", "m.png", "z.png"]);
        // Every eighth by name is held out, beginning with the first.
        let splits: Vec<Split> = capture.frames.iter().map(|f| f.split).collect();
        assert_eq!(splits, [Split::NovelView, Split::Train, Split::Train]);
        assert_eq!(capture.camera_names, ["1", "2"]);
        assert_eq!(capture.frames.iter().map(|f| f.camera_id).collect::<Vec<_>>(), [0, 0, 1]);
        assert_eq!(capture.frames[1].mask.as_deref(), Some(&*folder.path().join("masks/m.png.png")));
        assert_eq!(capture.points.len(), 2);
        assert_eq!(
            (capture.points[0].position, capture.points[0].color),
            (Vec3::new(0.5, 0.25, -1.0), [10, 20, 30])
        );
        // Points turn with the cameras: COLMAP's worlds are often upside down.
        let options = CaptureOptions { up_axis: UpAxis::MinusY, ..CaptureOptions::default() };
        let turned = Capture::open(folder.path().join("sparse/0"), &options).unwrap();
        assert_eq!(turned.points[0].position, Vec3::new(0.5, -0.25, 1.0));
        for (frame, view) in turned.frames.iter().zip(&VIEWS) {
            let [x, y, z] = view.point;
            let [u, v] = pixel(&frame.camera, [x, -y, -z]);
            assert!((u - view.pixel[0]).abs() < 1e-4 && (v - view.pixel[1]).abs() < 1e-4);
        }
        assert_eq!(lines(&capture, None), ["warning: rig: there is none: the subject is taken to be static"]);
    }
}

#[test]
fn vhap_captures_take_controls_by_timestep() {
    let folder = tempfile::tempdir().unwrap();
    vhap(folder.path(), true);
    let capture = open(folder.path());
    use Split::{NovelExpression, NovelView, Train};
    let seen: Vec<(Split, &str, f32)> = capture
        .frames
        .iter()
        .map(|f| (f.split, capture.camera_names[f.camera_id].as_str(), f.controls["jawOpen"]))
        .collect();
    assert_eq!(
        seen,
        [
            (Train, "0", 0.1),
            (Train, "1", 0.1),
            (Train, "0", 0.3),
            (Train, "1", 0.3),
            (NovelView, "2", 0.1),
            (NovelView, "2", 0.3),
            (NovelExpression, "0", 0.4)
        ]
    );
    assert_eq!(capture.frames[0].mask.as_deref(), Some(&*folder.path().join("fg_masks/00000_00.png")));
    assert_eq!((capture.frames[2].joints.len(), capture.frames[0].joints.len()), (1, 0));
    assert_eq!(capture.frames[0].camera.width, 100);

    let without = tempfile::tempdir().unwrap();
    vhap(without.path(), false);
    let needs = "error: capture: 7 frames at 3 timesteps without controls: FLAME parameters are not read; give a \
                 controls.json by timestep or a track";
    assert!(lines(&open(without.path()), None).contains(&needs.into()));
    // A track goes by its frames; this one is too short.
    let track = without.path().join("track.json");
    let frames: Vec<_> = (0..4).map(|i| json!({"weights": [0.25 * f64::from(i)]})).collect();
    write_json(&track, &json!({"names": ["JawOpen"], "frames": frames, "metadata": {"fps": 30}}));
    let options = CaptureOptions { controls: Some(track), ..CaptureOptions::default() };
    let capture = Capture::open(without.path(), &options).unwrap();
    assert_eq!(capture.frames[2].controls, controls(&[("jawOpen", 0.75)]));
    let missing =
        "error: capture: 1 frame at 1 timestep without controls: the file of controls has nothing for them";
    assert!(lines(&capture, None).contains(&missing.into()));
}

#[test]
fn a_track_gives_controls_by_time() {
    let folder = tempfile::tempdir().unwrap();
    picture(&folder.path().join("a.png"), 100, 80, [1, 2, 3, 255]);
    let frame = |time: f64| json!({"file_path": "a.png", "transform_matrix": VIEWS[0].opengl, "time": time});
    write_json(
        &folder.path().join("transforms.json"),
        &transforms(vec![frame(0.0), frame(0.25), frame(1.0), frame(1.5)]),
    );
    let track = folder.path().join("track.json");
    let frames = [json!({"weights": [0.0], "time": 0}), json!({"weights": [0.8], "time": 1})];
    write_json(&track, &json!({"names": ["jawOpen"], "frames": frames}));
    let options = CaptureOptions { controls: Some(track), ..CaptureOptions::default() };
    let capture = Capture::open(folder.path(), &options).unwrap();
    let jaw: Vec<Option<f32>> = capture.frames.iter().map(|f| f.controls.get("jawOpen").copied()).collect();
    assert_eq!(jaw, [Some(0.0), Some(0.2), Some(0.8), None]);
}

/// One capture with every fault: each is in the list, and nothing else.
#[test]
fn every_problem_is_listed_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (i, name) in [
        "ok",
        "copy",
        "twice",
        "moved",
        "both",
        "mask",
        "mirror",
        "away",
        "inside",
        "values",
        "far",
        "lens",
        "stretched",
        "behind",
    ]
    .iter()
    .enumerate()
    {
        picture(&at(&format!("{name}.png")), 100, 80, [i as u8, 7, 7, 255]);
    }
    std::fs::copy(at("ok.png"), at("copy.png")).unwrap();
    picture(&at("size.png"), 50, 80, [1, 1, 1, 255]);
    picture(&at("small_mask.png"), 10, 10, [1, 1, 1, 255]);
    write(&at("broken.png"), "no picture");
    let m = VIEWS[0].opengl;
    let mut away = m;
    (away[0][0], away[2][2]) = (-1.0, -1.0);
    let mut inside = m;
    inside[2][3] = 0.05;
    let mut scaled = m;
    scaled[0][0] = 1.5;
    let mut mirrored = m;
    mirrored[0][0] = -1.0;
    let mut moved = m;
    moved[2][3] = 2.5;
    let mut far = m;
    far[2][3] = 2000.0;
    let frame =
        |name: &str, m: [[f64; 4]; 4]| json!({"file_path": format!("{name}.png"), "transform_matrix": m});
    let with = |name: &str, extra: serde_json::Value| {
        let mut frame = frame(name, m);
        frame.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        frame
    };
    let mut file = transforms(vec![
        frame("ok", m),
        with("copy", json!({"split": "novel_view"})),
        frame("twice", m),
        frame("twice", m),
        frame("moved", m),
        frame("moved", moved),
        frame("both", m),
        with("both", json!({"split": "novel_expression"})),
        with("mask", json!({"mask_path": "small_mask.png"})),
        with("mirror", json!({"mask_path": "no_mask.png", "transform_matrix": mirrored})),
        frame("away", away),
        frame("inside", inside),
        frame("far", far),
        frame("missing", m),
        frame("broken", m),
        frame("size", m),
        frame("scaled", scaled),
        frame("../../../../out", m),
        with("split", json!({"split": "tset"})),
        json!({"transform_matrix": m}),
        json!({"file_path": "rows.png", "transform_matrix": [[1, 0], [0, 1]]}),
        with("focal", json!({"fl_x": -1})),
        with("lens", json!({"k2": 0.5})),
        frame("stretched", scaled),
        with("behind", json!({"fl_x": -1})),
        with(
            "values",
            json!({"controls": {"jawOpen": null, "wrinkle": 80, "jawOpn": 0.2, "tongueOut": 1, "zzz": 0.1,
            "browInnerUp": 0, "WRINKLE2": 0.5}, "joints": {"head": [0, 0, 0, 2], "Heads": [0, 0, 0, 1]}}),
        ),
    ]);
    file["rig"] = "no.glb".into();
    write_json(&at("transforms.json"), &file);
    let capture = open(folder.path());
    let mut found = lines(&capture, Some(&cube()));
    found.sort();
    let mut expected = [
        "warning: capture: 4 frames left out, its entry is faulty: ../../../../out.png (its file_path leads too far out of \
         the capture), split.png (split \"tset\" is none of train, novel_view and novel_expression), transforms.json, \
         frame 19 (has no file_path) and 1 more",
        "warning: capture: 3 frames left out, the picture is missing: missing.png, scaled.png, focal.png",
        "warning: capture: 1 frame left out, the picture cannot be used: broken.png (not a PNG, JPEG or WebP picture)",
        "warning: capture: 1 frame left out, the picture has another shape than its camera: size.png (50x80, not 100x80)",
        "warning: capture: 1 frame left out, the mask is missing: mirror.png",
        "warning: capture: 1 frame left out, the mask cannot be used: mask.png (10x10, not 100x80)",
        "warning: capture: 2 frames left out, the camera cannot be: stretched.png (transform is not a rotation and a \
         translation), behind.png (focal length fx = -1 is not a positive number of pixels)",
        "error: both.png: the same picture is in train and novel_expression",
        "error: moved.png: 2 frames of one picture have different cameras or controls",
        "warning: twice.png: the same frame is listed 2 times",
        "warning: copy.png: the picture is a copy of ok.png, which is in train; this one is in novel_view",
        "error: away.png: the camera looks away from the rig, which is around 0.00 0.00 0.00",
        "error: inside.png: the camera is inside the rig",
        "warning: capture: the rig is less than 8 pixels wide for 1 camera: are both in metres?",
        "error: control jawOpen: is not a finite number in 1 frame, first in values.png",
        "warning: control wrinkle: has values from 0 to 80, not 0 to 1; are they percentages?",
        "error: control jawOpn: is not in the rig (1 frame); is it jawOpen?",
        "error: control WRINKLE2: is not in the rig (1 frame); is it wrinkle?",
        "warning: control tongueOut: is not in the rig (1 frame)",
        "warning: control zzz: is not in the rig (1 frame)",
        "error: joint head: its rotation is not a unit quaternion in 1 frame",
        "error: joint Heads: is not in the rig (1 frame); is it head?",
    ]
    .map(str::to_owned)
    .to_vec();
    expected.push(format!("error: rig: {} is missing", at("no.glb").display()));
    expected.sort();
    assert_eq!(found, expected);
    // Errors come first.
    let severities: Vec<Severity> = capture.check(Some(&cube())).iter().map(|p| p.severity).collect();
    assert!(severities.is_sorted());
}

#[test]
fn problems_of_whole_captures_are_listed_once() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (i, name) in ["a.png", "b.png", "c.png", "d.png"].iter().enumerate() {
        picture(&at(name), 100, 80, [i as u8; 4]);
    }
    // Cameras with OpenCV's axes: the other two columns turned around.
    let opencv = |m: [[f64; 4]; 4]| m.map(|[a, b, c, d]| [a, -b, -c, d]);
    let frame = |name: &str, m: [[f64; 4]; 4], split: &str| json!({"file_path": name, "transform_matrix": m, "split": split, "controls": {"squint": 0.5}});
    let file = transforms(vec![
        frame("a.png", opencv(VIEWS[0].opengl), "novel_view"),
        frame("b.png", opencv(VIEWS[1].opengl), "novel_view"),
    ]);
    write_json(&at("transforms.json"), &file);
    assert_eq!(
        lines(&open(folder.path()), Some(&cube())),
        [
            "error: capture: none of 2 frames is to be trained on",
            "error: capture: all 2 cameras look away from the rig; they would not if the matrices had OpenCV's axes, \
             which should be turned into OpenGL's",
            "error: rig: has none of the capture's 1 control",
            "warning: control squint: is not in the rig (2 frames)",
        ]
    );
    assert!(
        lines(&open(folder.path()), None)
            .contains(&"error: rig: there is none for the controls of 2 frames".into())
    );

    // Without a rig, where the others look: three around the origin, the fourth turned around.
    let around = |x: f64, z: f64, sign: f64| {
        let (s, c) = (x * sign / 2.0, z * sign / 2.0);
        [[c, 0.0, s, x], [0.0, 1.0, 0.0, 0.0], [-s, 0.0, c, z], [0.0, 0.0, 0.0, 1.0]]
    };
    let frame = |name: &str, m: [[f64; 4]; 4]| json!({"file_path": name, "transform_matrix": m});
    let file = transforms(vec![
        frame("a.png", around(0.0, 2.0, 1.0)),
        frame("b.png", around(1.2, 1.6, 1.0)),
        frame("c.png", around(-1.2, 1.6, 1.0)),
        frame("d.png", around(1.6, -1.2, -1.0)),
    ]);
    write_json(&at("transforms.json"), &file);
    let found = lines(&open(folder.path()), None);
    let away: Vec<&String> = found.iter().filter(|line| line.contains("looks away")).collect();
    assert_eq!(away.len(), 1, "{found:?}");
    assert!(
        away[0].starts_with("warning: d.png: the camera looks away from where the others look"),
        "{found:?}"
    );
    assert!(found.contains(&"warning: capture: no frame is held out, so that nothing can be judged".into()));
    assert!(!found.iter().any(|line| line.starts_with("error")), "{found:?}");
}

#[test]
fn files_that_are_no_capture_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = |path: &Path| Capture::open(path, &CaptureOptions::default()).unwrap_err().to_string();
    assert!(error(folder.path()).ends_with(
        "no capture here: neither transforms.json, transforms_train.json nor a \
                                            COLMAP model in sparse/0"
    ));
    let path = folder.path().join("transforms.json");
    for (text, why) in [
        ("", "not a transforms.json: EOF"),
        ("[]", "not a transforms.json"),
        ("{\"w\": 3}", "missing field `frames`"),
        ("{\"frames\": [{\"w\": \"3\"}]}", "invalid type: string"),
    ] {
        write(&path, text);
        let error = error(folder.path());
        assert!(error.starts_with(&path.display().to_string()) && error.contains(why), "{error}");
        assert!(!error.contains('\n'));
    }
    write_json(&path, &transforms(vec![json!({}); 300]));
    let limits = CaptureLimits { frames: 20, ..CaptureLimits::default() };
    let few = CaptureOptions { limits, ..CaptureOptions::default() };
    assert!(matches!(Capture::open(folder.path(), &few), Err(CaptureError::Limit { limit: 144, .. })));
    // A count of more than the file holds.
    let model = tempfile::tempdir().unwrap();
    colmap(model.path(), true);
    write(&model.path().join("sparse/0/points3D.bin"), [0xff, 0xff, 0, 0, 0, 0, 0, 0, 1, 2, 3]);
    assert!(
        error(model.path())
            .ends_with("points3D.bin: says that it holds 65535 entries, but is too short for them")
    );
}

#[test]
fn pictures_are_decoded_with_their_masks_and_kept_within_the_budget() {
    let folder = tempfile::tempdir().unwrap();
    own(folder.path());
    let capture = open(folder.path());
    let size = 100 * 80 * 4;
    let cache = PictureCache::new(&capture, 2 * size + 10);
    let progress = Mutex::new(Vec::new());
    let preloaded =
        cache.preload(&[0, 1, 2], 0, &|done, of| progress.lock().unwrap().push((done, of))).unwrap();
    assert_eq!((preloaded.decoded, preloaded.left), (2, 1));
    let mut progress = progress.into_inner().unwrap();
    progress.sort_unstable();
    assert_eq!(progress, [(1, 2), (2, 2)]);
    assert_eq!(cache.bytes(), 2 * size);
    let a = cache.get(0, 0).unwrap();
    assert_eq!((a.width, a.height, a.rgba[0]), (100, 80, [200, 100, 50, 255]));
    assert!(std::sync::Arc::ptr_eq(&a, &cache.get(0, 0).unwrap()));
    // A JPEG is not exact; the mask is.
    let b = cache.get(1, 0).unwrap();
    assert_eq!(b.rgba[5][3], 77);
    assert!(b.rgba[5].iter().zip([200u8, 100, 51, 77]).all(|(x, y)| x.abs_diff(y) <= 4), "{:?}", b.rgba[5]);
    let c = cache.get(2, 2).unwrap();
    assert_eq!((c.width, c.height, c.rgba[7]), (25, 20, [200, 100, 52, 255]));
    let camera = capture.frames[2].camera_at(2);
    assert_eq!((camera.width, camera.height, camera.fx, camera.cy), (25, 20, 30.0, 10.5));
    // The third pushed out the one used longest ago, which comes back when asked for.
    assert!(cache.bytes() <= 2 * size + 10);
    assert_eq!(*cache.get(0, 0).unwrap(), *a);
    assert!(matches!(cache.get(3, 0), Err(CaptureError::NoSuchPicture { index: 3, count: 3 })));

    // Every file that cannot be decoded is named.
    write(
        &folder.path().join("images/a.png"),
        &std::fs::read(folder.path().join("images/a.png")).unwrap()[..60],
    );
    picture(&folder.path().join("masks/b.png"), 9, 9, [0; 4]);
    picture(&folder.path().join("images/c.webp"), 10, 10, [0; 4]);
    let errors = PictureCache::new(&capture, u64::MAX).preload(&[0, 1, 2], 0, &|_, _| {}).unwrap_err();
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert!(errors[0].contains("images/a.png: cannot be decoded"), "{errors:?}");
    assert!(errors[1].ends_with("masks/b.png: the mask is 9x9, its picture 100x80"), "{errors:?}");
    assert!(errors[2].ends_with("images/c.webp: is 10x10, its camera 100x80"), "{errors:?}");
}

#[test]
fn a_mask_may_be_in_brightness_or_alpha() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    picture(&at("p.png"), 100, 80, [10, 20, 30, 40]);
    picture(&at("alpha.png"), 100, 80, [0, 0, 0, 99]);
    image::GrayImage::from_pixel(100, 80, image::Luma([55])).save(at("gray.png")).unwrap();
    // Of half the size, as masks often are.
    image::GrayImage::from_pixel(50, 40, image::Luma([66])).save(at("half.png")).unwrap();
    let frame = |mask: Option<&str>| json!({"file_path": "p.png", "transform_matrix": VIEWS[0].opengl, "mask_path": mask});
    let masks = [None, Some("alpha.png"), Some("gray.png"), Some("half.png")];
    write_json(&at("transforms.json"), &transforms(masks.map(frame).to_vec()));
    let limits = CaptureLimits::default();
    let capture = open(folder.path());
    let colors: Vec<[u8; 4]> =
        capture.frames.iter().map(|frame| Picture::of(frame, &limits).unwrap().rgba[100 * 80 - 1]).collect();
    assert_eq!(colors, [[10, 20, 30, 40], [10, 20, 30, 99], [10, 20, 30, 55], [10, 20, 30, 66]]);
    let tiny = CaptureLimits { picture_pixels: 99, ..limits };
    assert!(matches!(
        Picture::of(&capture.frames[0], &tiny),
        Err(CaptureError::Limit { .. }) | Err(CaptureError::Format { .. })
    ));
}

#[test]
fn the_real_capture_has_no_problems() {
    let Some(folder) = data("capture_head") else { return };
    let capture = open(&folder);
    let counts = Split::ALL.map(|split| capture.split(split).count());
    assert_eq!((capture.frames.len(), counts), (195, [153, 18, 24]));
    let rig = Rig::open(capture.rig.as_ref().unwrap(), &LoadLimits::default()).unwrap();
    assert_eq!(lines(&capture, Some(&rig)), [""; 0]);
    let cache = PictureCache::new(&capture, 1 << 30);
    cache.preload(&[0, 100, 194], 1, &|_, _| {}).unwrap();
    assert_eq!(cache.bytes(), 3 * 256 * 256 * 4);
    assert_eq!(capture.frames[0].camera.fx, 1_208.888_9);
}
