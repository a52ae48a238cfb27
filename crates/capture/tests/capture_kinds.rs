//! Captures as other programs and people leave them: bent by lenses, made smaller, with holes.

#![allow(clippy::unwrap_used)] // Helpers outside test functions fail the test all the same.

mod capture_support;

use std::path::Path;

use capture_support::{VIEWS, colmap, picture, transforms, write, write_json};
use effigy_capture::{Capture, CaptureLimits, CaptureOptions, Picture, Severity, Split};
use effigy_splat::Camera;
use effigy_tests::data;
use glam::Vec3;
use image::{ImageEncoder as _, Luma, RgbaImage};
use serde_json::{Value, json};

fn open(folder: &Path) -> Capture {
    Capture::open(folder, &CaptureOptions::default()).unwrap()
}

/// What reading found, a line each.
fn lines(capture: &Capture) -> Vec<String> {
    capture.problems().iter().map(ToString::to_string).collect()
}

/// Where a camera puts a point, as its documentation says.
fn pixel(camera: &Camera, point: Vec3) -> [f32; 2] {
    let p = camera.camera_from_world.transform_point3(point);
    [camera.cx + camera.fx * p.x / -p.z, camera.cy - camera.fy * p.y / -p.z]
}

/// Three points in front of a camera at the origin, with OpenCV's axes.
const POINTS: [[f32; 3]; 3] = [[0.3, -0.2, 1.0], [-0.5, 0.35, 1.0], [0.6, 0.45, 1.0]];

/// A picture of 640x480 with a soft spot at each of three places, in red, green and blue.
fn spots(path: &Path, places: [[f64; 2]; 3]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let spot = |x: u32, y: u32, [u, v]: [f64; 2]| {
        let square = (f64::from(x) + 0.5 - u).powi(2) + (f64::from(y) + 0.5 - v).powi(2);
        (255.0 * (-square / 8.0).exp()).round() as u8
    };
    let of = |x, y| {
        let [r, g, b] = places.map(|place| spot(x, y, place));
        image::Rgba([r, g, b, 255])
    };
    RgbaImage::from_fn(640, 480, of).save(path).unwrap();
}

/// Asserts that each spot lies where the frame's camera sees its point.
fn assert_spots(name: &str, capture: &Capture, toward: impl Fn([f32; 3]) -> Vec3) {
    let frame = &capture.frames[0];
    frame.camera.validate().unwrap();
    let seen = Picture::of(frame, &CaptureLimits::default()).unwrap();
    assert_eq!((seen.width, seen.height), (frame.camera.width, frame.camera.height), "{name}");
    for (channel, point) in POINTS.into_iter().enumerate() {
        let (mut sum, mut x, mut y) = (0.0, 0.0, 0.0);
        for (i, pixel) in seen.rgba.iter().enumerate() {
            let weight = f64::from(pixel[channel]);
            sum += weight;
            x += weight * (f64::from(i as u32 % seen.width) + 0.5);
            y += weight * (f64::from(i as u32 / seen.width) + 0.5);
        }
        let expected = pixel(&frame.camera, toward(point));
        let off = ((x / sum) as f32 - expected[0]).hypot((y / sum) as f32 - expected[1]);
        assert!(off < 0.3, "{name}, {point:?}: {} {} is not {expected:?}", x / sum, y / sum);
    }
}

/// One camera of COLMAP's by a line of its text, which took `a.png` from the origin.
fn one_colmap_camera(folder: &Path, camera: &str) {
    write(&folder.join("sparse/0/cameras.txt"), format!("1 {camera}\n"));
    write(&folder.join("sparse/0/images.txt"), "1 1 0 0 0 0 0 0 1 a.png\n\n");
}

/// A model of COLMAP, its parameters, and where it sees the points.
type Seen = (&'static str, &'static str, [[f64; 2]; 3]);

/// Numbers of pycolmap 4.2.1, `Camera.img_from_cam`.
#[rustfmt::skip]
const LENSES: [Seen; 8] = [
    ("SIMPLE_RADIAL", "500 320 240 -0.12", [[467.66, 141.56], [81.175, 407.1775], [599.75, 449.8125]]),
    ("OPENCV", "500 510 320 240 -0.12 0.03 0.002 -0.003",
        [[467.15105, 139.937286], [78.475578, 412.42944], [601.213906, 456.347857]]),
    ("OPENCV_FISHEYE", "300 310 320 240 0.02 -0.01 0.003 -0.0005",
        [[406.573459, 180.360506], [184.625694, 337.920748], [475.485125, 360.500972]]),
    ("FULL_OPENCV", "500 510 320 240 0.12 0.03 0.002 -0.003 0.01 0.2 0.05 0.02",
        [[467.843267, 139.466579], [75.983943, 414.208467], [604.540222, 458.892488]]),
    ("FOV", "500 510 320 240 0.9", [[474.942377, 134.639184], [77.521058, 413.129965], [598.68202, 453.191745]]),
    ("DIVISION", "500 510 320 240 -0.15", [[467.183801, 139.915015], [82.596549, 409.506064], [598.228179, 452.844557]]),
    ("FISHEYE", "300 310 320 240", [[406.378535, 180.494787], [185.323466, 337.416026], [474.440266, 359.691206]]),
    ("EUCM", "300 310 320 240 0.6 1.1", [[406.416559, 180.468593], [185.156099, 337.537089], [474.721502, 359.909164]]),
];

#[test]
fn pictures_of_colmap_s_lenses_are_straightened() {
    for (name, parameters, places) in LENSES {
        let folder = tempfile::tempdir().unwrap();
        spots(&folder.path().join("images/a.png"), places);
        one_colmap_camera(folder.path(), &format!("{name} 640 480 {parameters}"));
        let capture = open(folder.path());
        assert_spots(name, &capture, Vec3::from);
        assert_eq!(lines(&capture), [""; 0], "{name}");
    }
}

#[test]
fn pictures_of_nerfstudio_s_and_instant_ngp_s_lenses_are_straightened() {
    let (opencv, fisheye) = (LENSES[1].2, LENSES[2].2);
    let radial = json!({"camera_model": "OPENCV", "fl_x": 500, "fl_y": 510, "k1": -0.12, "k2": 0.03, "p1": 0.002, "p2": -0.003});
    let round = json!({"fl_x": 300, "fl_y": 310, "k1": 0.02, "k2": -0.01, "k3": 0.003, "k4": -0.0005});
    let with = |base: &Value, key: &str, value: Value| {
        let mut lens = base.clone();
        lens[key] = value;
        lens
    };
    for (name, lens, places) in [
        ("nerfstudio", radial.clone(), opencv),
        ("instant-ngp", with(&radial, "camera_model", Value::Null), opencv),
        ("nerfstudio's fisheye", with(&round, "camera_model", "OPENCV_FISHEYE".into()), fisheye),
        ("instant-ngp's fisheye", with(&round, "is_fisheye", true.into()), fisheye),
    ] {
        let folder = tempfile::tempdir().unwrap();
        spots(&folder.path().join("a.png"), places);
        let identity = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]];
        // Shared, and a frame's own.
        for own in [false, true] {
            let mut frame = json!({"file_path": "a.png", "transform_matrix": identity});
            let mut file =
                json!({"w": 640, "h": 480, "cx": 320, "cy": 240, "camera_model": "PINHOLE", "k1": 9});
            let of = if own { &mut frame } else { &mut file };
            of.as_object_mut().unwrap().extend(lens.as_object().unwrap().clone());
            file["frames"] = json!([frame]);
            if own && lens["camera_model"].is_null() {
                file["camera_model"] = Value::Null;
            }
            write_json(&folder.path().join("transforms.json"), &file);
            // y and z point the other way.
            assert_spots(name, &open(folder.path()), |[x, y, z]| Vec3::new(x, -y, -z));
        }
    }
}

#[test]
fn a_mask_is_straightened_with_its_picture() {
    let folder = tempfile::tempdir().unwrap();
    picture(&folder.path().join("images/a.png"), 640, 480, [9, 9, 9, 255]);
    one_colmap_camera(folder.path(), "SIMPLE_RADIAL 640 480 500 320 240 -0.12");
    // Inside where the second point is, right of it.
    let mask = image::GrayImage::from_fn(640, 480, |x, _| Luma([if x < 81 { 0 } else { 255 }]));
    std::fs::create_dir(folder.path().join("masks")).unwrap();
    mask.save(folder.path().join("masks/a.png.png")).unwrap();
    let capture = open(folder.path());
    let frame = &capture.frames[0];
    let seen = Picture::of(frame, &CaptureLimits::default()).unwrap();
    let [x, y] = pixel(&frame.camera, POINTS[1].into());
    let alpha = |x: f32| seen.rgba[y as usize * seen.width as usize + x as usize][3];
    assert_eq!((alpha(x - 3.0), alpha(x + 3.0)), (0, 255));
}

#[test]
fn a_lens_that_nobody_sees_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    picture(&folder.path().join("images/a.png"), 160, 160, [1, 2, 3, 200]);
    for camera in [
        "OPENCV 160 160 377.75 377.75 80 80 1e-7 -2e-8 0 0",
        "SIMPLE_RADIAL 160 160 377.75 80 80 1e-3",
        "DIVISION 160 160 377.75 377.75 80 80 0",
        "EUCM 160 160 377.75 377.75 80 80 0 1",
    ] {
        one_colmap_camera(folder.path(), camera);
        let capture = open(folder.path());
        let frame = &capture.frames[0];
        assert_eq!((frame.camera.width, frame.camera.fx, frame.camera.cx), (160, 377.75, 80.0), "{camera}");
        let seen = Picture::of(frame, &CaptureLimits::default()).unwrap();
        assert!(seen.rgba.iter().all(|&pixel| pixel == [1, 2, 3, 200]), "{camera}");
        assert_eq!(lines(&capture), [""; 0]);
    }
    let frame = json!({"file_path": "images/a.png", "transform_matrix": VIEWS[0].opengl});
    let file = json!({"w": 160.0, "h": 160.0, "fl_x": 377.75, "fl_y": 377.75, "cx": 80, "cy": 80, "k1": 1e-9, "frames": [frame]});
    write_json(&folder.path().join("transforms.json"), &file);
    assert_eq!(open(folder.path()).frames[0].camera.width, 160);
}

#[test]
fn what_no_flat_picture_holds_is_refused_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    picture(&folder.path().join("images/a.png"), 200, 100, [1, 2, 3, 255]);
    one_colmap_camera(folder.path(), "EQUIRECTANGULAR 200 100 200 100");
    let capture = open(folder.path());
    let panorama = "warning: capture: 1 frame left out, an EQUIRECTANGULAR picture shows all directions: cut it into flat \
                    views first (COLMAP's panorama_sfm.py, nerfstudio's ns-process-data --camera-type equirectangular): ";
    assert_eq!(lines(&capture), [format!("{panorama}a.png")]);
    // Nothing is left, which is an error.
    let found = capture.check(None);
    assert!(
        found.iter().any(|p| p.severity == Severity::Error && p.line == "there is no frame that can be used")
    );
    // The same number in binary.
    let folder = tempfile::tempdir().unwrap();
    colmap(folder.path(), true);
    let path = folder.path().join("sparse/0/cameras.bin");
    let mut bytes = 2u64.to_le_bytes().to_vec();
    for (id, model, parameters) in [(1u32, 17i32, vec![100.0, 80.0]), (2, 1, vec![120.0, 110.0, 48.0, 42.0])]
    {
        bytes.extend(id.to_le_bytes());
        bytes.extend(model.to_le_bytes());
        bytes.extend(100u64.to_le_bytes());
        bytes.extend(80u64.to_le_bytes());
        parameters.iter().for_each(|x: &f64| bytes.extend(x.to_le_bytes()));
    }
    write(&path, bytes);
    let capture = open(folder.path());
    assert_eq!(capture.frames.len(), 1);
    assert!(lines(&capture)[0].starts_with("warning: capture: 2 frames left out, an EQUIRECTANGULAR"));
    // In transforms.json, with another that nobody knows.
    let frame = |model: &str| json!({"file_path": "images/m.png", "transform_matrix": VIEWS[0].opengl, "camera_model": model});
    let file = transforms(["EQUIRECTANGULAR", "FISHEYE9", "OPENCV"].map(frame).to_vec());
    write_json(&folder.path().join("transforms.json"), &file);
    let capture = open(folder.path());
    assert_eq!(capture.frames.len(), 1);
    assert_eq!(
        lines(&capture),
        [
            "warning: capture: 1 frame left out, the camera model \"FISHEYE9\" is not known: images/m.png"
                .to_owned(),
            format!("{panorama}images/m.png")
        ]
    );
}

#[test]
fn of_several_models_the_largest_is_read() {
    for binary in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        colmap(folder.path(), binary);
        let sparse = folder.path().join("sparse");
        // What was there is the third; the others have fewer pictures, or cannot be read.
        std::fs::rename(sparse.join("0"), sparse.join("10")).unwrap();
        write(&sparse.join("0/cameras.txt"), "1 PINHOLE 100 80 120 110 48 42\n");
        write(&sparse.join("0/images.txt"), "1 0 1 0 0 0 0 2 1 m.png\n\n");
        write(&sparse.join("2/cameras.bin"), [9; 9]);
        write(&sparse.join("2/images.bin"), [9; 9]);
        write(&sparse.join("._0/cameras.bin"), [9; 9]);
        let capture = open(folder.path());
        assert_eq!((capture.frames.len(), capture.points.len()), (3, 2));
        assert_eq!(
            lines(&capture),
            [
                "warning: capture: of several models the one with most pictures is read, sparse/10 (3 pictures); left out: \
              sparse/0 (1 picture), sparse/2 (cannot be read)"
            ]
        );
    }
}

#[test]
fn pictures_of_another_size_stretch_the_camera() {
    let folder = tempfile::tempdir().unwrap();
    colmap(folder.path(), false);
    let at = |name: &str| folder.path().join(name);
    // As 3D Gaussian Splatting and nerfstudio name smaller pictures; one was cut.
    std::fs::remove_dir_all(at("images")).unwrap();
    picture(&at("images_4/a b/x.png"), 25, 20, [1, 1, 1, 255]);
    picture(&at("images_2/m.png"), 50, 40, [2, 1, 1, 255]);
    picture(&at("images_2/z.png"), 50, 30, [3, 1, 1, 255]);
    let capture = open(folder.path());
    let [x, m] = &capture.frames[..] else { panic!("{:?}", lines(&capture)) };
    for (frame, view, part) in [(x, &VIEWS[0], 0.25), (m, &VIEWS[1], 0.5)] {
        let [u, v] = pixel(&frame.camera, view.point.into());
        assert!(
            (u - part * view.pixel[0]).abs() < 1e-4 && (v - part * view.pixel[1]).abs() < 1e-4,
            "{u} {v}"
        );
        let seen = Picture::of(frame, &CaptureLimits::default()).unwrap();
        assert_eq!((seen.width, seen.height), (frame.camera.width, frame.camera.height));
    }
    assert_eq!(
        lines(&capture),
        [
            "warning: capture: 2 pictures of another size than the camera, which is taken to be of that size: a b/x.png \
             (25x20, not 100x80), m.png (50x40, not 100x80)",
            "warning: capture: 1 frame left out, the picture has another shape than its camera: z.png (50x30, not 100x80)",
        ]
    );
    // A lens bends smaller pictures likewise.
    let folder = tempfile::tempdir().unwrap();
    let (name, parameters, places) = LENSES[0];
    spots(&folder.path().join("images/a.png"), places);
    let doubled = "1000 640 480 -0.12";
    assert_eq!(parameters, "500 320 240 -0.12");
    one_colmap_camera(folder.path(), &format!("{name} 1280 960 {doubled}"));
    assert_spots("made smaller", &open(folder.path()), Vec3::from);
}

#[test]
fn what_cannot_be_used_is_left_out_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..9).map(|i| format!("A-DJI map plan ({i}).JPG")).collect();
    let mut images = String::new();
    let mut cameras = String::new();
    for (i, name) in names.iter().enumerate() {
        // As Windows writes what is no number.
        let numbers = match i {
            3 => "-nan(ind) -nan(ind) -nan(ind) -nan(ind)",
            4 => "-1.#IND 120 48 42",
            _ => "120 110 48 42",
        };
        cameras += &format!("{i} PINHOLE 100 80 {numbers}\n");
        images += &format!("{} 0 1.0e+000 0 0 0 0 2 {i} {name}\n1.5 2.5 -1\n", i + 1);
        if i != 5 && i != 6 {
            // The names of the files are in lower case.
            picture(
                &folder.path().join("images").join(name.replace(".JPG", ".jpg")),
                100,
                80,
                [i as u8, 2, 3, 255],
            );
        }
    }
    cameras += "77 NO_SUCH_MODEL 100 80 1 2 3\n";
    images += "78 0 1 0 0 0 0 2 77 x.jpg\n\n";
    write(&folder.path().join("sparse/0/cameras.txt"), cameras);
    write(&folder.path().join("sparse/0/images.txt"), images);
    let capture = open(folder.path());
    assert_eq!(capture.frames.len(), 5);
    assert!(capture.frames.iter().all(|frame| frame.picture.extension().unwrap() == "jpg"));
    assert_eq!(
        lines(&capture),
        [
            "warning: capture: 2 frames left out, the picture is missing: A-DJI map plan (5).JPG, A-DJI map plan (6).JPG",
            "warning: capture: 2 frames left out, the camera cannot be: A-DJI map plan (3).JPG (focal length fx = NaN is \
             not a positive number of pixels), A-DJI map plan (4).JPG (focal length fx = NaN is not a positive number of \
             pixels)",
            "warning: capture: 1 frame left out, the camera model \"NO_SUCH_MODEL\" is not known: x.jpg",
        ]
    );
    assert!(capture.check(None).iter().all(|problem| problem.severity == Severity::Warning));

    // Python writes NaN into JSON. Many of a kind are one line.
    let folder = tempfile::tempdir().unwrap();
    picture(&folder.path().join("a.png"), 100, 80, [1, 2, 3, 255]);
    let frame = |name: &str| json!({"file_path": name, "transform_matrix": VIEWS[0].opengl});
    let mut frames = vec![frame("a.png"), json!({"file_path": "a.png", "transform_matrix": "matrix"})];
    frames.extend((0..40).map(|i| frame(&format!("no{i}.png"))));
    let text = transforms(frames).to_string();
    let text = text.replace("\"matrix\"", "[[1,0,0,NaN],[0,1,0,0],[0,0,1,-Infinity],[0,0,0,1]]");
    write(&folder.path().join("transforms.json"), text);
    let capture = open(folder.path());
    assert_eq!(capture.frames.len(), 1);
    assert_eq!(
        lines(&capture),
        [
            "warning: capture: 40 frames left out, the picture is missing: no0.png, no1.png, no2.png and 37 more",
            "warning: capture: 1 frame left out, the camera cannot be: a.png (transform is not a rotation and a translation)",
        ]
    );
    // Nothing left is an error.
    write_json(&folder.path().join("transforms.json"), &transforms(vec![frame("no.png")]));
    let found = open(folder.path()).check(None);
    assert_eq!(found[0].to_string(), "error: capture: there is no frame that can be used");
}

#[test]
fn nerfstudio_s_points_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    picture(&at("images/a.png"), 100, 80, [1, 2, 3, 255]);
    let mut file =
        transforms(vec![json!({"file_path": "images/a.png", "transform_matrix": VIEWS[0].opengl})]);
    file["applied_transform"] = json!([[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 3]]);
    file["ply_file_path"] = "sparse_pc.ply".into();
    write_json(&at("transforms.json"), &file);
    let header = |format: &str, count: usize| {
        format!(
            "ply\nformat {format} 1.0\ncomment written by a test\nelement vertex {count}\nproperty float x\nproperty float y\n\
             property float z\nproperty uint8 red\nproperty uint8 green\nproperty uint8 blue\nend_header\n"
        )
    };
    let text = header("ascii", 3) + "0.5 -0.25 1 10 20 30\nnan 0 0 1 2 3\n1 2 3 255 0 1\n";
    let mut binary = header("binary_little_endian", 2).into_bytes();
    for (position, color) in [([0.5f32, -0.25, 1.0], [10u8, 20, 30]), ([1.0, 2.0, 3.0], [255, 0, 1])] {
        position.iter().for_each(|x| binary.extend(x.to_le_bytes()));
        binary.extend(color);
    }
    // The points of the file are in the world of its cameras, as ns-process-data writes them.
    for ply in [text.into_bytes(), binary] {
        write(&at("sparse_pc.ply"), ply);
        let capture = open(folder.path());
        let points: Vec<_> = capture.points.iter().map(|p| (p.position, p.color)).collect();
        let expected = [(Vec3::new(0.5, -0.25, 1.0), [10, 20, 30]), (Vec3::new(1.0, 2.0, 3.0), [255, 0, 1])];
        assert_eq!(points, expected);
        assert_eq!(lines(&capture), [""; 0]);
    }
    // Without colours; then with a file that is none, or asks for too much.
    write(
        &at("sparse_pc.ply"),
        "ply\nformat ascii 1.0\nelement vertex 1\nproperty double x\nproperty double y\nproperty double z\nend_header\n1 2 3\n",
    );
    assert_eq!(open(folder.path()).points[0].color, [128; 3]);
    for (ply, why) in [
        ("no ply at all", "not a readable PLY"),
        ("ply\nformat ascii 1.0\nelement vertex 99999999999\nend_header\n", "over the limit of 8388608"),
        (
            "ply\nformat ascii 1.0\nelement vertex 2\nproperty float x\nproperty float y\nproperty float z\nend_header\n1 2 3\n",
            "not a readable PLY",
        ),
    ] {
        write(&at("sparse_pc.ply"), ply);
        let capture = open(folder.path());
        assert_eq!((capture.frames.len(), capture.points.len()), (1, 0));
        let [line] = &lines(&capture)[..] else { panic!("{:?}", lines(&capture)) };
        let start =
            "warning: transforms.json: the points of its ply_file_path \"sparse_pc.ply\" cannot be read: ";
        assert!(
            line.starts_with(start) && line.contains(why) && line.ends_with("training starts without them"),
            "{line}"
        );
    }
    // Older folders name no points, but the model that they come from is there, before the transform.
    file.as_object_mut().unwrap().remove("ply_file_path");
    write_json(&at("transforms.json"), &file);
    write(&at("colmap/sparse/0/cameras.txt"), "");
    write(&at("colmap/sparse/0/points3D.txt"), "1 0.5 -0.25 1 10 20 30 0.5 1 0\n");
    let points = open(folder.path()).points;
    assert_eq!((points.len(), points[0].position), (1, Vec3::new(0.5, 1.0, 3.25)));
}

#[test]
fn pictures_are_taken_as_cameras_were_held() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // 80x100 in the file, to be turned by a quarter clockwise: the corner at the bottom left comes to the top left.
    let lying = image::RgbImage::from_fn(80, 100, |x, y| {
        image::Rgb(if x < 8 && y >= 92 { [255, 255, 255] } else { [0; 3] })
    });
    let exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 95);
    encoder.set_exif_metadata(exif).unwrap();
    encoder.write_image(&lying, 80, 100, image::ExtendedColorType::Rgb8).unwrap();
    write(&at("turned.jpg"), &bytes);
    let frame = |w: u32, h: u32| json!({"file_path": "turned.jpg", "transform_matrix": VIEWS[0].opengl, "w": w, "h": h});
    // Of the size of the camera, as it lies (COLMAP does not turn pictures), turned, and turned and made smaller.
    write_json(&at("transforms.json"), &transforms(vec![frame(80, 100), frame(100, 80), frame(200, 160)]));
    let capture = open(folder.path());
    let white = |frame: usize, x: u32, y: u32| {
        let seen = Picture::of(&capture.frames[frame], &CaptureLimits::default()).unwrap();
        seen.rgba[(y * seen.width + x) as usize][0] > 128
    };
    assert!(white(0, 3, 97) && !white(0, 3, 3));
    assert!(white(1, 3, 3) && !white(1, 3, 77) && white(2, 3, 3));
    assert_eq!(capture.frames[2].camera.width, 100);
}

#[test]
fn pictures_of_other_kinds_are_found_and_read() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let deep = image::ImageBuffer::from_pixel(100, 80, image::Rgba([65535u16, 32896, 257, 51400]));
    deep.save(at("deep.png")).unwrap();
    image::ImageBuffer::from_pixel(100, 80, Luma([32896u16])).save(at("gray.png")).unwrap();
    picture(&at("loud.png"), 100, 80, [1, 2, 3, 255]);
    std::fs::rename(at("loud.png"), at("loud.PNG")).unwrap();
    // Cut out, and so no longer a JPEG.
    picture(&at("cut.png"), 100, 80, [4, 5, 6, 0]);
    write(&at("._deep.png"), [0, 5, 0x16, 7]);
    let frame = |name: &str| json!({"file_path": name, "transform_matrix": VIEWS[0].opengl});
    let names = ["deep.png", "gray.png", "loud", "loud.png", "cut.JPG", "._deep.png"];
    write_json(&at("transforms.json"), &transforms(names.map(frame).to_vec()));
    let capture = open(folder.path());
    let colors: Vec<[u8; 4]> =
        capture.frames.iter().map(|f| Picture::of(f, &CaptureLimits::default()).unwrap().rgba[0]).collect();
    assert_eq!(
        colors,
        [[255, 128, 1, 200], [128, 128, 128, 255], [1, 2, 3, 255], [1, 2, 3, 255], [4, 5, 6, 0]]
    );
    assert_eq!(
        lines(&capture),
        [
            "warning: capture: 1 frame left out, the picture cannot be used: ._deep.png (not a PNG, JPEG or WebP picture)"
        ]
    );
}

#[test]
fn cameras_that_look_together_say_where() {
    let folder = tempfile::tempdir().unwrap();
    let around = |x: f64, z: f64| {
        let (s, c) = (x / 2.0, z / 2.0);
        [[c, 0.0, s, x + 1.0], [0.0, 1.0, 0.0, 5.0], [-s, 0.0, c, z], [0.0, 0.0, 0.0, 1.0]]
    };
    let frames: Vec<Value> = [(0.0, 2.0), (1.2, 1.6), (-1.2, 1.6)]
        .into_iter()
        .enumerate()
        .map(|(i, (x, z))| {
            picture(&folder.path().join(format!("{i}.png")), 100, 80, [i as u8, 2, 3, 255]);
            json!({"file_path": format!("{i}.png"), "transform_matrix": around(x, z)})
        })
        .collect();
    write_json(&folder.path().join("transforms.json"), &transforms(frames.clone()));
    let center = open(folder.path()).looked_at().unwrap();
    assert!(center.abs_diff_eq(Vec3::new(1.0, 5.0, 0.0), 1e-5), "{center}");
    write_json(&folder.path().join("transforms.json"), &transforms(frames[..2].to_vec()));
    assert_eq!(open(folder.path()).looked_at(), None);
}

#[test]
fn real_captures_are_read_whole() {
    for (name, frames) in [("capture_head", 195), ("capture_hair", 197)] {
        let Some(folder) = data(name) else { continue };
        let capture = open(&folder);
        assert_eq!((capture.frames.len(), lines(&capture)), (frames, Vec::new()), "{name}");
    }
}

/// The files that `$EFFIGY_DATA` holds of each of these kinds, with the pictures that go with them.
#[test]
fn the_cases_are_read() {
    let Some(cases) = data("cases") else { return };
    let folder = tempfile::tempdir().unwrap();
    let copy = |from: &Path, to: &Path| {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
            }
        }
    };
    for (case, pictures, frames, points, warnings) in [
        ("90_colmap_opaque", "90_colmap_opaque", 14, 328, 0),
        ("92_colmap_simple_radial", "90_colmap_opaque", 14, 110, 0),
        ("93_colmap_opencv_tiny", "90_colmap_opaque", 14, 110, 0),
        ("97_colmap_two_models", "90_colmap_opaque", 14, 110, 1),
        ("98_colmap_bad_camera", "", 13, 0, 1),
        ("100_nerfstudio_no_rig", "100_nerfstudio_no_rig", 14, 656, 0),
        ("104_instant_ngp_tiny_k1", "100_nerfstudio_no_rig", 14, 0, 0),
    ] {
        let here = folder.path().join(case);
        for part in ["", "sparse/0", "sparse/1"] {
            if cases.join(case).join(part).is_dir() {
                copy(&cases.join(case).join(part), &here.join(part));
            }
        }
        if pictures.is_empty() {
            let images = std::fs::read_to_string(here.join("sparse/0/images.txt")).unwrap();
            for name in images.lines().filter_map(|line| line.find("A-DJI").map(|at| &line[at..])) {
                picture(&here.join("images").join(name.replace("JPG", "jpg")), 160, 160, [1, 2, 3, 255]);
            }
        } else {
            copy(&cases.join(pictures).join("images"), &here.join("images"));
        }
        let capture = open(&here);
        assert_eq!(capture.frames.len(), frames, "{case}: {:?}", lines(&capture));
        if points > 0 {
            assert_eq!(capture.points.len(), points, "{case}");
        }
        assert_eq!(capture.problems().len(), warnings, "{case}: {:?}", lines(&capture));
        let errors = capture.check(None).into_iter().filter(|p| p.severity == Severity::Error);
        assert_eq!(errors.count(), 0, "{case}");
        for (_, frame) in capture.split(Split::Train).take(2) {
            Picture::of(frame, &CaptureLimits::default()).unwrap();
        }
    }
}
