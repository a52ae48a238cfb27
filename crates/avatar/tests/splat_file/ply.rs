//! The PLY of 3D Gaussian Splatting.

use effigy_avatar::splat_file::{PlyColor, SplatLimits, SplatReadOptions, SplatScene, UpAxis, read_splat};
use effigy_splat::{Filter, Gaussians};
use glam::{DMat3, DVec3, Mat3, Quat, Vec3};

use crate::made::{float_ply, plain_ply, ply, property_names};
use crate::{Y_UP, assert_close, message, read_y_up};

/// Properties in no particular order and of several types, some of no use, with elements before and after.
const ODD_PLY: [&str; 36] = [
    "element face 2",
    "property list uchar int vertex_indices",
    "property ushort material",
    "element vertex 2",
    "property double z",
    "property float rot_3",
    "property float rot_2",
    "property float rot_1",
    "property float rot_0",
    "property uchar segment",
    "property short x",
    "property float y",
    "property float opacity",
    "property float32 scale_2",
    "property float32 scale_1",
    "property float32 scale_0",
    "property float f_dc_2",
    "property float f_dc_1",
    "property int8 f_dc_0",
    "property float f_rest_0",
    "property float f_rest_1",
    "property float f_rest_2",
    "property float f_rest_3",
    "property float f_rest_4",
    "property float f_rest_5",
    "property float f_rest_6",
    "property float f_rest_7",
    "property float f_rest_8",
    "property uint32 time",
    "element camera 1",
    "property int id",
    "element nothing 4000000000",
    "element more 1",
    "property list uchar double values",
    "obj_info none",
    "comment none",
];

/// The vertex rows of [`ODD_PLY`], in the order of its properties.
const ODD_ROWS: [[f64; 25]; 2] = [
    [
        3.5, 0.25, -0.5, 0.75, 1.0, 7.0, -2.0, 2.25, 0.5, -3.0, -2.0, -1.0, 0.3, 0.2, 1.0, 1.0, 2.0, 3.0,
        4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 99.0,
    ],
    [
        -4.5,
        0.0,
        0.0,
        0.0,
        2.0,
        8.0,
        300.0,
        0.0,
        -0.5,
        -6.0,
        -5.0,
        -4.0,
        0.6,
        0.5,
        -1.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        4_000_000_000.0,
    ],
];

fn odd_ply_binary(big_endian: bool) -> Vec<u8> {
    let mut body = Vec::new();
    let mut put = |bytes: &[u8]| {
        if big_endian {
            body.extend(bytes.iter().rev());
        } else {
            body.extend(bytes);
        }
    };
    for corners in [3, 4] {
        put(&[corners]);
        (0..i32::from(corners)).for_each(|i| put(&i.to_le_bytes()));
        put(&7_u16.to_le_bytes());
    }
    for row in ODD_ROWS {
        for (i, value) in row.into_iter().enumerate() {
            match i {
                0 => put(&value.to_le_bytes()),
                5 => put(&[value as u8]),
                6 => put(&(value as i16).to_le_bytes()),
                14 => put(&(value as i8).to_le_bytes()),
                24 => put(&(value as u32).to_le_bytes()),
                _ => put(&(value as f32).to_le_bytes()),
            }
        }
    }
    put(&1_i32.to_le_bytes());
    put(&[2]);
    put(&1.0_f64.to_le_bytes());
    put(&2.0_f64.to_le_bytes());
    ply(if big_endian { "binary_big_endian" } else { "binary_little_endian" }, &ODD_PLY, &body)
}

fn odd_ply_ascii() -> Vec<u8> {
    let mut body = String::from("3 0 1 2 7\r\n4 0 1 2 3 7\n");
    for row in ODD_ROWS {
        body.extend(row.map(|v| format!("{v} ")));
        body.push('\n');
    }
    body.push_str("1\n2 1.0 2e0");
    ply("ascii", &ODD_PLY, body.as_bytes())
}

#[test]
fn ply_of_any_encoding_order_and_type() {
    for file in [odd_ply_binary(false), odd_ply_binary(true), odd_ply_ascii()] {
        let SplatScene { gaussians, filter, .. } = read_y_up(&file);
        assert_eq!(filter, Filter::CLASSIC);
        assert_eq!(gaussians.sh_degree, 1);
        assert_eq!(gaussians.positions, [Vec3::new(-2.0, 2.25, 3.5), Vec3::new(300.0, 0.0, -4.5)]);
        assert_eq!(gaussians.rotations[0], Quat::from_xyzw(0.75, -0.5, 0.25, 1.0));
        assert_eq!(gaussians.rotations[1], Quat::from_xyzw(0.0, 0.0, 0.0, 2.0));
        assert_eq!(gaussians.log_scales, [Vec3::new(-1.0, -2.0, -3.0), Vec3::new(-4.0, -5.0, -6.0)]);
        assert_eq!(gaussians.opacity_logits, [0.5, -0.5]);
        // The file has all of red, then green, then blue.
        assert_eq!(gaussians.sh_of(0), [1.0, 0.2, 0.3, 1.0, 4.0, 7.0, 2.0, 5.0, 8.0, 3.0, 6.0, 9.0]);
        assert_eq!(gaussians.sh_of(1)[..4], [-1.0, 0.5, 0.6, 0.0]);
    }
}

#[test]
fn ply_header_may_end_its_lines_with_carriage_returns() {
    let file = odd_ply_binary(false);
    let end = file.windows(11).position(|w| w == b"end_header\n").unwrap() + 11;
    let header = String::from_utf8(file[..end].to_vec()).unwrap().replace('\n', "\r\n");
    let crlf = [header.as_bytes(), &file[end..]].concat();
    assert_eq!(read_y_up(&crlf), read_y_up(&file));
}

#[test]
fn ply_harmonics_of_each_degree_are_channel_major() {
    for (rest, degree, per_channel) in [(0, 0, 0), (9, 1, 3), (24, 2, 8), (45, 3, 15), (72, 3, 24)] {
        let names = property_names(rest);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut row = vec![0.0; names.len()];
        for i in 0..rest {
            row[6 + i] = i as f32;
        }
        row[6 + rest + 4] = 1.0;
        let gaussians = read_y_up(&float_ply(&names, &[row])).gaussians;
        assert_eq!(gaussians.sh_degree, degree);
        let kept = per_channel.min(15);
        assert_eq!(gaussians.sh.len(), 3 * (kept + 1));
        for k in 0..kept {
            let want = [k, per_channel + k, 2 * per_channel + k].map(|i| i as f32);
            assert_eq!(gaussians.sh[3 * (k + 1)..3 * (k + 2)], want);
        }
    }
    assert!(message(read_splat(&plain_ply(1, 10), &Y_UP)).contains("10 properties f_rest_*"));
}

#[test]
fn ply_with_plain_colours() {
    let names = property_names(0);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let row = vec![0.0, 0.0, 0.0, 0.5, 1.0, 0.0, 0.0, -3.0, -3.0, -3.0, 1.0, 0.0, 0.0, 0.0];
    let options = SplatReadOptions { ply_color: PlyColor::Rgb, ..Y_UP };
    let gaussians = read_splat(&float_ply(&names, &[row]), &options).unwrap().gaussians;
    // √π = 1.7724539.
    assert_close(&gaussians.sh, &[0.0, 1.772_453_9, -1.772_453_9], 1e-6);
}

/// Degrees 1 to 3 of the basis of Kerbl et al. at a direction.
pub(crate) fn harmonics_after_first(d: DVec3) -> [f64; 15] {
    let DVec3 { x, y, z } = d;
    let (xx, yy, zz) = (x * x, y * y, z * z);
    [
        -0.488_602_511_902_919_9 * y,
        0.488_602_511_902_919_9 * z,
        -0.488_602_511_902_919_9 * x,
        1.092_548_430_592_079_2 * x * y,
        -1.092_548_430_592_079_2 * y * z,
        0.315_391_565_252_520_05 * (2.0 * zz - xx - yy),
        -1.092_548_430_592_079_2 * x * z,
        0.546_274_215_296_039_6 * (xx - yy),
        -0.590_043_589_926_643_5 * y * (3.0 * xx - yy),
        2.890_611_442_640_554 * x * y * z,
        -0.457_045_799_464_465_8 * y * (4.0 * zz - xx - yy),
        0.373_176_332_590_115_4 * z * (2.0 * zz - 3.0 * xx - 3.0 * yy),
        -0.457_045_799_464_465_8 * x * (4.0 * zz - xx - yy),
        1.445_305_721_320_277 * z * (xx - yy),
        -0.590_043_589_926_643_5 * x * (xx - 3.0 * yy),
    ]
}

pub(crate) fn covariance(gaussians: &Gaussians, i: usize) -> DMat3 {
    let rotation = DMat3::from_quat(gaussians.rotations[i].as_dquat().normalize());
    let scale = DMat3::from_diagonal(gaussians.log_scales[i].as_dvec3().exp());
    rotation * scale * scale * rotation.transpose()
}

#[test]
fn a_y_down_ply_is_turned_half_about_x() {
    let file = plain_ply(5, 45);
    let stored = read_y_up(&file).gaussians;
    let turned = read_splat(&file, &SplatReadOptions { up: Some(UpAxis::YDown), ..Y_UP }).unwrap().gaussians;
    let by_custom = read_splat(&file, &SplatReadOptions { up: None, ..Y_UP }).unwrap().gaussians;
    assert_eq!(by_custom, turned);
    let turn = DMat3::from_quat(glam::DQuat::from_rotation_x(std::f64::consts::PI));
    for i in 0..5 {
        let want = turn * stored.positions[i].as_dvec3();
        assert!((turned.positions[i].as_dvec3() - want).length() < 1e-6);
        let want = turn * covariance(&stored, i) * turn.transpose();
        let off = covariance(&turned, i) - want;
        assert!(off.to_cols_array().iter().all(|v| v.abs() < 1e-6), "{off}");
        for direction in [
            DVec3::new(0.3, -0.8, 0.4),
            DVec3::new(-0.1, 0.2, 0.9),
            DVec3::new(0.7, 0.6, -0.5),
            DVec3::new(-0.6, -0.3, -0.2),
        ] {
            let direction = direction.normalize();
            let before = harmonics_after_first(direction);
            let after = harmonics_after_first(turn * direction);
            for channel in 0..3 {
                let sum = |gaussians: &Gaussians, basis: [f64; 15]| -> f64 {
                    let sh = gaussians.sh_of(i);
                    (0..15).map(|k| basis[k] * f64::from(sh[3 * (k + 1) + channel])).sum()
                };
                assert!((sum(&stored, before) - sum(&turned, after)).abs() < 1e-6);
            }
        }
        assert_eq!(stored.sh_of(i)[..3], turned.sh_of(i)[..3]);
    }
}

#[test]
fn ply_faults_are_named() {
    let names = property_names(0);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let good = vec![0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 0.0, -3.0, -3.0, -3.0, 1.0, 0.0, 0.0, 0.0];
    assert_eq!(
        message(read_splat(&float_ply(&names[1..13], &[good[1..13].to_vec()]), &Y_UP)),
        "PLY: element \"vertex\" lacks x, rot_3"
    );
    let file = float_ply(&names, &[good.clone(), good.clone()]);
    assert_eq!(
        message(read_splat(&file[..file.len() - 1], &Y_UP)),
        format!(
            "file ends within the 2 rows of element \"vertex\": 112 bytes are needed from byte {} on, 111 are there",
            file.len() - 112
        )
    );
    let declare = |count: &str| {
        let text: Vec<String> = names.iter().map(|name| format!("property float {name}")).collect();
        let element = format!("element vertex {count}");
        let mut lines = vec![element.as_str()];
        lines.extend(text.iter().map(String::as_str));
        message(read_splat(&ply("binary_little_endian", &lines, &[0; 100]), &Y_UP))
    };
    assert!(declare("18446744073709551615").starts_with("file ends within the 18446744073709551615 rows"));
    assert!(declare("-1").ends_with("\"-1\" is not a count"), "{}", declare("-1"));
    let few = SplatLimits { max_gaussians: 1, ..Y_UP.limits };
    let limited = |limits| message(read_splat(&file, &SplatReadOptions { limits, ..Y_UP }));
    assert_eq!(limited(few), "2 Gaussians are more than the limit of 1");
    let small = SplatLimits { max_unpacked_bytes: 111, ..Y_UP.limits };
    assert_eq!(limited(small), "112 bytes of unpacked Gaussians are more than the limit of 111");
    let short = SplatLimits { max_header_bytes: 40, ..Y_UP.limits };
    assert!(limited(short).ends_with("bytes of PLY header are more than the limit of 40"));
}

#[test]
fn ply_header_faults_are_named() {
    let header = |lines: &str| message(read_splat(format!("ply\n{lines}").as_bytes(), &Y_UP));
    assert_eq!(
        header("format binary_middle_endian 1.0\n"),
        "PLY header, line 2: \"format binary_middle_endian 1.0\" is not understood"
    );
    assert_eq!(header("element vertex 1\nproperty quad x\n"), "PLY header, line 3: \"quad\" is not a type");
    assert_eq!(header("property float x\n"), "PLY header, line 2: a property before any element");
    assert_eq!(header("element a 1\nelement a 2\n"), "PLY header, line 3: a second element \"a\"");
    assert_eq!(
        header("element a 1\nproperty float x\nproperty int x\n"),
        "PLY header, line 4: a second property \"x\""
    );
    assert_eq!(
        header("element a 1\nproperty list float int x\n"),
        "PLY header, line 3: the length of a list is not an integer"
    );
    assert_eq!(header("format ascii 1.0\n"), "PLY header, line 3: the file ends before end_header");
    assert_eq!(header("end_header\n"), "PLY: the header has no line \"format\"");
    assert_eq!(header("format ascii 1.0\nend_header\n"), "PLY: there is no element \"vertex\"");
    assert_eq!(header("\u{1b}[2J\u{7}\n"), "PLY header, line 2: \"\\u{1b}[2J\\u{7}\" is not understood");
}

#[test]
fn ascii_ply_faults_are_named() {
    let file = String::from_utf8(odd_ply_ascii()).unwrap();
    let replaced = |from: &str, to: &str| {
        assert!(file.contains(from));
        message(read_splat(file.replace(from, to).as_bytes(), &Y_UP))
    };
    assert_eq!(replaced(" 2.25 ", " two "), "vertex 0, y: not a number");
    assert_eq!(
        replaced(" 300 ", " 300000 "),
        "vertex 1, x: not of the integer type that the header declares"
    );
    assert_eq!(replaced(" 300 ", " 1.5 "), "vertex 1, x: not of the integer type that the header declares");
    assert!(replaced("2 1.0 2e0", "2 1.0").starts_with("file ends within more 0 of 1"));
}

/// That a rotation read from the file is also drawn as the file has it: the longest axis of a Gaussian in the world.
#[test]
fn a_rotation_turns_the_ellipsoid_it_is_stored_with() {
    // A needle along x, turned 90° about z in a file whose y points down, so along the vertical in either.
    let names = property_names(0);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let half = 0.5_f32.sqrt();
    let row = vec![0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0, -5.0, -5.0, half, 0.0, 0.0, half];
    let gaussians = read_splat(&float_ply(&names, &[row]), &SplatReadOptions::default()).unwrap().gaussians;
    let needle = Mat3::from_quat(gaussians.rotations[0]) * Vec3::X;
    assert!(needle.dot(Vec3::Y).abs() > 0.999_999, "{needle}");
}

/// One Gaussian, in the properties of [`property_names`] without harmonics.
const ONE: [f32; 14] = [0.5, 1.0, 2.0, 0.1, 0.2, 0.3, 0.7, -3.0, -2.0, -1.0, 0.9, 0.1, 0.2, 0.3];

/// A file of [`ONE`] with these properties, the ones it lacks from `extra`, and with `comments`.
fn one_with(names: &[&str], extra: &[(&str, f32)], comments: &[&str]) -> Vec<u8> {
    let all = property_names(0);
    let value = |name: &str| {
        let extra = extra.iter().find(|(n, _)| *n == name).map(|(_, value)| *value);
        extra.or_else(|| Some(ONE[all.iter().position(|n| n == name)?])).unwrap()
    };
    let comments: Vec<String> = comments.iter().map(|c| format!("comment {c}")).collect();
    let properties: Vec<String> = names.iter().map(|name| format!("property float {name}")).collect();
    let mut lines: Vec<&str> = comments.iter().map(String::as_str).collect();
    lines.push("element vertex 1");
    lines.extend(properties.iter().map(String::as_str));
    let body: Vec<u8> = names.iter().flat_map(|name| value(name).to_le_bytes()).collect();
    ply("binary_little_endian", &lines, &body)
}

fn with_comments(comments: &[&str]) -> Vec<u8> {
    let names = property_names(0);
    one_with(&names.iter().map(String::as_str).collect::<Vec<_>>(), &[], comments)
}

#[test]
fn a_ply_of_2d_splatting_is_drawn_flat() {
    let names = property_names(0);
    let flat: Vec<&str> = names.iter().map(String::as_str).filter(|name| *name != "scale_2").collect();
    let gaussians = read_y_up(&one_with(&flat, &[], &[])).gaussians;
    let whole = read_y_up(&with_comments(&[])).gaussians;
    let scale = gaussians.log_scales[0];
    assert_eq!((scale.x, scale.y), (-3.0, -2.0));
    // Thinner than a millionth, as SuperSplat has it, and no infinity.
    assert!(scale.z.is_finite() && scale.z.exp() < 1e-6, "{scale}");
    assert_eq!(Gaussians { log_scales: whole.log_scales.clone(), ..gaussians }, whole);
    // Without more of what makes a Gaussian it is no Gaussian.
    let points: Vec<&str> = flat.into_iter().filter(|name| !name.starts_with("rot_")).collect();
    assert_eq!(
        message(read_splat(&one_with(&points, &[], &[]), &Y_UP)),
        "PLY: element \"vertex\" lacks rot_0, rot_1, rot_2, rot_3"
    );
    let round: Vec<&str> =
        names.iter().map(String::as_str).filter(|n| !["scale_1", "scale_2"].contains(n)).collect();
    assert_eq!(
        message(read_splat(&one_with(&round, &[], &[]), &Y_UP)),
        "PLY: element \"vertex\" lacks scale_1, scale_2"
    );
}

#[test]
fn the_last_comment_that_speaks_of_antialiasing_tells_the_filter() {
    for (comments, filter) in [
        (&[][..], Filter::CLASSIC),
        (&["Exported from Brush", "SH degree: 3", "SplatRenderMode: mip"], Filter::MIP),
        (&["SplatRenderMode: default"], Filter::CLASSIC),
        (&["SplatRenderMode: 2dgs"], Filter::CLASSIC),
        (&["antialiased 1"], Filter::MIP),
        (&["antialiased 0"], Filter::CLASSIC),
        (&["  SPLATRENDERMODE:  Mip  "], Filter::MIP),
        (&["antialiased 1", "SplatRenderMode: default"], Filter::CLASSIC),
        (&["SplatRenderMode: default", "antialiased 1", "antialiased is a word"], Filter::MIP),
        (&["SplatRenderMode: mip", "SplatRenderMode: banana"], Filter::MIP),
    ] {
        let scene = read_y_up(&with_comments(comments));
        assert_eq!(scene.filter, filter, "{comments:?}");
        assert_eq!(scene.gaussians, read_y_up(&with_comments(&[])).gaussians);
    }
    // Line ends of Windows.
    let file = with_comments(&["antialiased 1"]);
    let text = file.windows(14).position(|w| w == b"antialiased 1\n").unwrap();
    let file = [&file[..text + 13], b"\r", &file[text + 13..]].concat();
    assert_eq!(read_y_up(&file).filter, Filter::MIP);
}

#[test]
fn an_option_comes_before_what_the_file_says_of_its_filter() {
    let read =
        |comments: &[&str], mip| read_splat(&with_comments(comments), &SplatReadOptions { mip, ..Y_UP });
    assert_eq!(read(&["antialiased 1"], Some(false)).unwrap().filter, Filter::CLASSIC);
    assert_eq!(read(&["antialiased 1"], Some(true)).unwrap().filter, Filter::MIP);
    assert_eq!(read(&[], Some(true)).unwrap().filter, Filter::MIP);
    let origin = read(&[], Some(true)).unwrap().origin;
    assert_eq!((origin.format, &*origin.filter_by), ("PLY", "as it was asked for"));
    let origin = read(&["antialiased 1"], None).unwrap().origin;
    assert_eq!(origin.filter_by, "the file's comment \"antialiased 1\" says so");
}

#[test]
fn the_3d_filter_of_mip_splatting_widens_and_pales() {
    let mut names = property_names(0);
    names.push("filter_3D".into());
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let SplatScene { gaussians, filter, .. } = read_y_up(&one_with(&names, &[("filter_3D", 0.2)], &[]));
    assert_eq!((filter.variance, filter.compensate), (0.1, true));
    // Standard deviations of e⁻³, e⁻² and e⁻¹, each with 0.2 added in the square: √(e⁻⁶ + 0.04) = 0.206104.
    assert_close(&gaussians.log_scales[0].exp().to_array(), &[0.206_104, 0.241_486, 0.418_731], 1e-5);
    // 0.668188 times 0.0497871 / 0.206104 times 0.135335 / 0.241486 times 0.367879 / 0.418731 is 0.0794728.
    assert_close(&gaussians.opacity_logits, &[-2.449_532], 1e-4);
    let without = read_y_up(&one_with(&names, &[("filter_3D", 0.0)], &[])).gaussians;
    assert_eq!(without, read_y_up(&with_comments(&[])).gaussians);
}

#[test]
fn red_green_and_blue_are_the_colour_where_there_are_no_harmonics() {
    let names = property_names(0);
    let others = || names.iter().filter(|name| !name.starts_with("f_dc_"));
    for (kind, bytes) in [
        ("uchar", vec![255, 51, 0]),
        ("ushort", [65_535_u16, 13_107, 0].iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>()),
        ("float", [1.0_f32, 0.2, 0.0].iter().flat_map(|v| v.to_le_bytes()).collect()),
        ("double", [1.0_f64, 0.2, 0.0].iter().flat_map(|v| v.to_le_bytes()).collect()),
    ] {
        let properties: Vec<String> = ["red", "green", "blue"]
            .iter()
            .map(|name| format!("property {kind} {name}"))
            .chain(others().map(|name| format!("property float {name}")))
            .collect();
        let mut lines =
            vec!["comment Generated by Nerfstudio 1.1.5", "comment Vertical Axis: z", "element vertex 1"];
        lines.extend(properties.iter().map(String::as_str));
        let mut body = bytes;
        for name in others() {
            let at = names.iter().position(|n| n == name).unwrap();
            body.extend(ONE[at].to_le_bytes());
        }
        let gaussians = read_y_up(&ply("binary_little_endian", &lines, &body)).gaussians;
        // √π (2 c - 1): 1.7724539 for 1, -1.0634723 for 0.2, -1.7724539 for 0.
        assert_close(&gaussians.sh, &[1.772_453_9, -1.063_472_3, -1.772_453_9], 1e-5);
        assert_eq!(gaussians.positions, [Vec3::new(0.5, 1.0, 2.0)]);
        assert_eq!(gaussians.opacity_logits, [0.7]);
    }
    // Where there are both, the colours are a viewer's copy.
    let mut all: Vec<&str> = names.iter().map(String::as_str).collect();
    all.extend(["red", "green", "blue"]);
    let both = one_with(&all, &[("red", 1.0), ("green", 1.0), ("blue", 1.0)], &[]);
    assert_eq!(read_y_up(&both).gaussians, read_y_up(&with_comments(&[])).gaussians);
}

#[test]
fn gaussians_that_are_bound_to_a_mesh_are_refused_by_name() {
    let mut names = property_names(0);
    names.push("binding_0".into());
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let fault = message(read_splat(&one_with(&names, &[("binding_0", 17.0)], &[]), &Y_UP));
    assert!(
        fault.contains("binding_0") && fault.contains("FLAME") && fault.contains("GaussianAvatars"),
        "{fault}"
    );
}

#[test]
fn empty_lists_and_elements_beside_one_gaussian_are_no_hindrance() {
    let names = property_names(0);
    let properties: Vec<String> = names.iter().map(|name| format!("property float {name}")).collect();
    let whole = read_y_up(&with_comments(&[])).gaussians;
    for big in [false, true] {
        let bytes = |v: f32| if big { v.to_be_bytes() } else { v.to_le_bytes() };
        let mut lines = vec!["element camera 0", "property float fx", "element vertex 1"];
        lines.extend(properties.iter().map(String::as_str));
        lines.extend(["property list uchar int neighbours", "element face 0"]);
        lines.push("property list uchar int vertex_indices");
        let mut body: Vec<u8> = ONE.iter().flat_map(|v| bytes(*v)).collect();
        body.push(0);
        let format = if big { "binary_big_endian" } else { "binary_little_endian" };
        assert_eq!(read_y_up(&ply(format, &lines, &body)).gaussians, whole, "{format}");
        let text: String = ONE.iter().map(|v| format!("{v} ")).collect();
        assert_eq!(read_y_up(&ply("ascii", &lines, format!("{text}0").as_bytes())).gaussians, whole);
    }
    // A space after the first word.
    let file = with_comments(&[]);
    assert_eq!(read_y_up(&[b"ply ", &file[3..]].concat()).gaussians, whole);
}
