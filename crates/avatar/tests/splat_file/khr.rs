//! `KHR_gaussian_splatting`, by its text.

use effigy_avatar::splat_file::{SplatReadOptions, SplatScene, UpAxis, read_khr, read_ply, write_ply};
use effigy_rig::LoadLimits;
use effigy_splat::{
    BlendSpace, Camera, Filter, Frame, Gaussians, Rasterizer, SH_C0, SplatRules, opacity_from_logit, sh_color,
};
use glam::{DMat3, EulerRot, Mat3, Mat4, Quat, Vec3};
use serde_json::json;

use crate::gltf_made::{F32, Gltf, I8, I16, LINEAR, SRGB, U8, U16, splats, two};
use crate::made::{Spz, gzip};
use crate::{assert_close, message, warnings};

const OPTIONS: SplatReadOptions = SplatReadOptions { up: None, ..crate::Y_UP };

fn try_read(file: &Gltf) -> Result<SplatScene, effigy_avatar::splat_file::SplatFileError> {
    read_khr(&file.glb(), None, &LoadLimits::default(), &OPTIONS).map(|scene| scene.expect("splats"))
}

fn read(file: &Gltf) -> SplatScene {
    try_read(file).unwrap()
}

/// A file of two splats under a node with these properties.
fn placed(node: serde_json::Value) -> Gltf {
    let mut file = Gltf::new();
    let attributes = two(&mut file);
    file.show(splats(&attributes, SRGB), node);
    file
}

fn rgb(g: &Gaussians, i: usize) -> Vec<f32> {
    g.sh_of(i)[..3].iter().map(|c| 0.5 + SH_C0 * c).collect()
}

#[test]
fn floats_are_taken_as_they_are() {
    let scene = read(&placed(json!({})));
    let g = &scene.gaussians;
    assert_eq!(scene.filter, Filter { rules: SplatRules::KHR_ELLIPSE, ..Filter::CLASSIC });
    assert_eq!((g.len(), g.sh_degree), (2, 0));
    assert_eq!(g.positions, [Vec3::ZERO, Vec3::new(1.0, 2.0, 3.0)]);
    assert_close(&g.log_scales[1].to_array(), &[0.5f32.ln(), 0.25f32.ln(), 0.0], 1e-6);
    assert_eq!(g.opacity_logits[0], 0.0);
    assert_close(&[opacity_from_logit(g.opacity_logits[1])], &[0.8], 1e-6);
    // xyzw: a quarter turn about Z takes X to Y.
    assert!((g.rotations[1].normalize() * Vec3::X).abs_diff_eq(Vec3::Y, 1e-6));
    assert_close(&rgb(g, 1), &[0.2, 0.4, 0.6], 1e-6);
}

#[test]
fn integers_mean_what_their_accessor_says() {
    let want = read(&placed(json!({}))).gaussians;
    let bytes = |values: &[i32], component: u32| -> Vec<u8> {
        let size = if matches!(component, I8 | U8) { 1 } else { 2 };
        values.iter().flat_map(|v| v.to_le_bytes()[..size].to_vec()).collect()
    };
    for (component, most) in [(I8, 127), (I16, 32_767)] {
        let mut file = Gltf::new();
        let mut attributes = two(&mut file);
        let half = (f64::from(most) * std::f64::consts::FRAC_1_SQRT_2).round() as i32;
        let data = bytes(&[0, 0, 0, most, 0, 0, half, half], component);
        attributes[1].1 = file.accessor(component, true, 4, 2, &data);
        file.show(splats(&attributes, SRGB), json!({}));
        let g = read(&file).gaussians;
        for (found, want) in g.rotations.iter().zip(&want.rotations) {
            assert!(found.normalize().abs_diff_eq(want.normalize(), 1e-2), "{component}: {found}");
        }
    }
    for (component, most, normalized) in
        [(U8, 255, true), (U16, 65_535, true), (U8, 255, false), (U16, 65_535, false)]
    {
        let mut file = Gltf::new();
        let mut attributes = two(&mut file);
        let values = [most / 10, most / 10, most / 10, most / 2, most / 4, most];
        attributes[2].1 = file.accessor(component, normalized, 3, 2, &bytes(&values, component));
        file.show(splats(&attributes, SRGB), json!({}));
        let g = read(&file).gaussians;
        let unit = if normalized { f64::from(most) } else { 1.0 };
        for (found, values) in g.log_scales.iter().zip(values.chunks(3)) {
            let want: Vec<f32> = values.iter().map(|&v| (f64::from(v) / unit).ln() as f32).collect();
            assert_close(&found.to_array(), &want, 1e-4);
        }
    }
    for (component, most) in [(U8, 255), (U16, 65_535)] {
        let mut file = Gltf::new();
        let mut attributes = two(&mut file);
        attributes[3].1 = file.accessor(component, true, 1, 2, &bytes(&[0, most * 4 / 5], component));
        file.show(splats(&attributes, SRGB), json!({}));
        let g = read(&file).gaussians;
        assert_eq!(g.opacity_logits[0], f32::NEG_INFINITY);
        assert_close(&[opacity_from_logit(g.opacity_logits[1])], &[0.8], 1e-4);
    }
}

/// The review draft had logarithms in signed types; the standard has lengths, of which a rounded zero may be below it.
#[test]
fn negative_scales_are_logarithms() {
    for (values, want, warned) in [
        ([-1.0, -2.0, 0.5, -3.0, 0.0, -1.5], [-1.0, -2.0, 0.5, -3.0, 0.0, -1.5], true),
        (
            [1.0, 2.0, -1e-6, 0.5, 4.0, 1.0],
            [0.0, 2f32.ln(), 1e-6f32.ln(), 0.5f32.ln(), 4f32.ln(), 0.0],
            false,
        ),
    ] {
        let mut file = Gltf::new();
        let mut attributes = two(&mut file);
        attributes[2].1 = file.floats(3, &values);
        file.show(splats(&attributes, SRGB), json!({}));
        let (scene, said) = warnings(|| read(&file));
        let found: Vec<f32> = scene.gaussians.log_scales.iter().flat_map(|s| s.to_array()).collect();
        assert_close(&found, &want, 1e-5);
        assert_eq!(said.iter().any(|line| line.contains("read as logarithms")), warned, "{said:?}");
    }
}

#[test]
fn sparse_accessors_and_those_without_data() {
    let mut file = Gltf::new();
    let mut attributes = two(&mut file);
    let (indices, values) = (file.view(&[1]), file.view(&[2.0_f32, 0.5, 1.0].map(f32::to_le_bytes).concat()));
    attributes[0].1 = file.push(
        "accessors",
        json!({ "componentType": F32, "count": 2, "type": "VEC3", "sparse": { "count": 1,
            "indices": { "bufferView": indices, "componentType": U8 }, "values": { "bufferView": values } } }),
    );
    // No data at all is zero: grey.
    attributes[4].1 = file.push("accessors", json!({ "componentType": F32, "count": 2, "type": "VEC3" }));
    file.show(splats(&attributes, SRGB), json!({}));
    let g = read(&file).gaussians;
    assert_eq!(g.positions, [Vec3::ZERO, Vec3::new(2.0, 0.5, 1.0)]);
    assert_close(&rgb(&g, 1), &[0.5; 3], 1e-6);
}

/// Sixteen harmonics, in the order of degree and then of m from -l to l.
#[test]
fn harmonics_come_by_degree_and_order() {
    for degree in 0..=3_usize {
        let mut file = Gltf::new();
        let mut attributes = two(&mut file);
        attributes.truncate(4);
        let names: Vec<String> =
            (0..=degree).flat_map(|l| (0..=2 * l).map(move |n| format!("SH_DEGREE_{l}_COEF_{n}"))).collect();
        for (k, name) in names.iter().enumerate() {
            let k = k as f32;
            attributes
                .push((name.as_str(), file.floats(3, &[k, k + 0.25, k + 0.5, -k, -k - 0.25, -k - 0.5])));
        }
        file.show(splats(&attributes, SRGB), json!({}));
        let g = read(&file).gaussians;
        assert_eq!(usize::from(g.sh_degree), degree);
        for (k, c) in g.sh_of(0).chunks_exact(3).enumerate() {
            assert_eq!(c, [k as f32, k as f32 + 0.25, k as f32 + 0.5]);
        }
        assert_eq!(g.sh_of(1)[g.sh_of(1).len() - 1], -(names.len() as f32 - 1.0) - 0.5);
    }
    // A degree of which one is missing is left out.
    let mut file = Gltf::new();
    let mut attributes = two(&mut file);
    for name in ["SH_DEGREE_1_COEF_0", "SH_DEGREE_1_COEF_2"] {
        attributes.push((name, file.floats(3, &[1.0; 6])));
    }
    file.show(splats(&attributes, SRGB), json!({}));
    let (scene, said) = warnings(|| read(&file));
    assert_eq!(scene.gaussians.sh_degree, 0);
    assert!(said.iter().any(|line| line.contains("not complete")), "{said:?}");
}

fn covariance(g: &Gaussians, i: usize) -> DMat3 {
    let r = DMat3::from_quat(g.rotations[i].as_dquat().normalize());
    let s = DMat3::from_diagonal(g.log_scales[i].as_dvec3().exp());
    r * s * s * r.transpose()
}

/// M·Σ·Mᵀ with the upper left of the node's global matrix, and its rotation for the harmonics.
#[test]
fn nodes_place_splats() {
    let at_rest = read(&placed(json!({}))).gaussians;
    let turn = Quat::from_euler(EulerRot::XYZ, 0.4, -0.9, 1.3);
    let translation = Vec3::new(3.0, -1.0, 0.5);
    for scale in [Vec3::ONE, Vec3::splat(2.0), Vec3::new(0.5, 2.0, 3.0)] {
        let matrix = Mat4::from_scale_rotation_translation(scale, turn, translation);
        let parts = json!({
            "rotation": turn.to_array(), "scale": scale.to_array(), "translation": translation.to_array()
        });
        for node in [parts, json!({ "matrix": matrix.to_cols_array() })] {
            let g = read(&placed(node)).gaussians;
            let m = Mat3::from_mat4(matrix).as_dmat3();
            for i in 0..2 {
                assert!(g.positions[i].abs_diff_eq(matrix.transform_point3(at_rest.positions[i]), 1e-5));
                let want = m * covariance(&at_rest, i) * m.transpose();
                assert!(covariance(&g, i).abs_diff_eq(want, 1e-5), "{scale}: {} {want}", covariance(&g, i));
            }
        }
    }
}

#[test]
fn harmonics_turn_with_their_node() {
    let turn = Quat::from_euler(EulerRot::XYZ, 0.4, -0.9, 1.3);
    let file = |node| {
        let mut file = Gltf::new();
        let mut attributes = two(&mut file);
        for (n, name) in ["SH_DEGREE_1_COEF_0", "SH_DEGREE_1_COEF_1", "SH_DEGREE_1_COEF_2"].iter().enumerate()
        {
            let v = 0.3 - 0.2 * n as f32;
            attributes.push((name, file.floats(3, &[v, 0.1, -v, -0.2, v, 0.3])));
        }
        file.show(splats(&attributes, SRGB), node);
        file
    };
    let (rest, turned) = (read(&file(json!({}))), read(&file(json!({ "rotation": turn.to_array() }))));
    let d = Vec3::new(0.48, -0.6, 0.64);
    for i in 0..2 {
        let (was, is) =
            (sh_color(1, rest.gaussians.sh_of(i), d), sh_color(1, turned.gaussians.sh_of(i), turn * d));
        assert!(was.abs_diff_eq(is, 1e-5), "{was} {is}");
    }
}

/// A mesh twice under a parent, another in a scene that is not shown, and an animation that counts as at rest.
#[test]
fn the_scene_decides_what_is_shown() {
    let mut file = Gltf::new();
    let attributes = two(&mut file);
    let mesh = file.push("meshes", json!({ "primitives": [splats(&attributes, SRGB)] }));
    let first = file.push("nodes", json!({ "mesh": mesh, "translation": [0, 1, 0] }));
    let second = file.push("nodes", json!({ "mesh": mesh }));
    let parent = file.push("nodes", json!({ "children": [first, second], "scale": [2, 2, 2] }));
    file.push("nodes", json!({ "mesh": mesh, "translation": [9, 9, 9] }));
    file.json["scenes"] = json!([{ "nodes": [3] }, { "nodes": [parent] }]);
    file.json["scene"] = json!(1);
    let (times, values) = (file.floats(1, &[0.0, 1.0]), file.floats(3, &[5.0; 6]));
    file.json["animations"] = json!([{
        "samplers": [{ "input": times, "output": values }],
        "channels": [{ "sampler": 0, "target": { "node": first, "path": "translation" } }]
    }]);
    let g = read(&file).gaussians;
    let mut places = g.positions.clone();
    places.sort_by(|a, b| a.y.total_cmp(&b.y));
    assert_eq!(places, [[0.0; 3], [0.0, 2.0, 0.0], [2.0, 4.0, 6.0], [2.0, 6.0, 6.0]].map(Vec3::from));
}

/// An unknown kernel is drawn as the ellipse and an unknown colour space as sRGB; without harmonics COLOR_0 counts, which
/// is linear: 0.0331 and 0.1329 and 0.3185 are 0.2, 0.4 and 0.6 in sRGB.
#[test]
fn what_is_not_known_falls_back() {
    let linear = [0.033_104_767, 0.132_868_32, 0.318_546_78];
    for (space, blending, want) in [
        ("custom_display", BlendSpace::Srgb, [0.2, 0.4, 0.6]),
        (SRGB, BlendSpace::Srgb, [0.2, 0.4, 0.6]),
        (LINEAR, BlendSpace::Linear, linear),
    ] {
        for width in [3, 4] {
            let mut file = Gltf::new();
            let mut attributes = two(&mut file);
            let [r, g, b] = linear;
            let color = if width == 3 { vec![r, g, b, r, g, b] } else { vec![r, g, b, 0.3, r, g, b, 0.6] };
            attributes[4] = ("COLOR_0", file.floats(width, &color));
            if width == 4 {
                attributes.remove(3);
            }
            let mut primitive = splats(&attributes, space);
            primitive["extensions"]["KHR_gaussian_splatting"]["kernel"] = json!("customShape");
            file.show(primitive, json!({}));
            let (scene, said) = warnings(|| read(&file));
            assert_close(&rgb(&scene.gaussians, 1), &want, 1e-5);
            assert_eq!(scene.filter.rules, SplatRules { blending, ..SplatRules::KHR_ELLIPSE });
            let opacity = opacity_from_logit(scene.gaussians.opacity_logits[1]);
            assert_close(&[opacity], &[if width == 4 { 0.6 } else { 0.8 }], 1e-6);
            assert!(said.iter().any(|line| line.contains("customShape")), "{said:?}");
            assert_eq!(said.iter().any(|line| line.contains("custom_display")), space == "custom_display");
        }
    }
}

/// Where primitives differ in their colour space, linear colours become sRGB, and harmonics by the curve's slope.
#[test]
fn mixed_colour_spaces_are_brought_together() {
    let mut file = Gltf::new();
    let mut attributes = two(&mut file);
    file.show(splats(&attributes, SRGB), json!({}));
    for name in ["SH_DEGREE_1_COEF_0", "SH_DEGREE_1_COEF_1", "SH_DEGREE_1_COEF_2"] {
        attributes.push((name, file.floats(3, &[0.001; 6])));
    }
    file.show(splats(&attributes, LINEAR), json!({}));
    let (scene, said) = warnings(|| read(&file));
    let g = &scene.gaussians;
    assert_eq!((g.len(), g.sh_degree, scene.filter.rules), (4, 1, SplatRules::KHR_ELLIPSE));
    assert_close(&rgb(g, 1), &[0.2, 0.4, 0.6], 1e-6);
    // IEC 61966-2-1 of 0.2, 0.4 and 0.6.
    assert_close(&rgb(g, 3), &[0.484_529, 0.665_185, 0.797_738], 1e-5);
    let d = Vec3::new(0.48, -0.6, 0.64);
    let step = |base: f32, add: f32| {
        let encoded = |x: f32| 1.055 * x.powf(1.0 / 2.4) - 0.055;
        encoded(base + add) - encoded(base)
    };
    let added = sh_color(1, g.sh_of(3), d) - Vec3::from_slice(&rgb(g, 3));
    let plain = 0.001 * (0.488_602_5 * (0.64 + 0.6 - 0.48));
    assert_close(&added.to_array(), &[0.2, 0.4, 0.6].map(|base| step(base, plain)), 1e-5);
    assert!(said.iter().any(|line| line.contains("2 splats of linear light")), "{said:?}");
}

#[test]
fn spz_by_any_of_its_names() {
    let spz = gzip(&Spz::two(2).payload());
    let alone =
        effigy_avatar::splat_file::read_spz(&spz, &SplatReadOptions { up: Some(UpAxis::YUp), ..OPTIONS });
    let alone = alone.unwrap().gaussians;
    for (name, inside) in [
        ("KHR_gaussian_splatting_compression_spz_2", true),
        ("KHR_gaussian_splatting_compression_spz", true),
        ("KHR_gaussian_splatting_compression_spz_2", false),
        ("KHR_spz_gaussian_splats_compression", false),
        ("KHR_spz_compression", false),
    ] {
        let mut file = Gltf::new();
        let view = file.view(&spz);
        let companion = json!({ "bufferView": view });
        // Attributes there have accessors without data, as their text wants it.
        let position = file.push("accessors", json!({ "componentType": F32, "count": 2, "type": "VEC3" }));
        let mut primitive = json!({ "mode": 0, "attributes": { "POSITION": position }, "extensions": {} });
        if inside || name.starts_with("KHR_gaussian") {
            primitive["extensions"]["KHR_gaussian_splatting"] =
                json!({ "kernel": "ellipse", "colorSpace": SRGB });
        }
        if inside {
            primitive["extensions"]["KHR_gaussian_splatting"]["extensions"] = json!({ name: companion });
        } else {
            primitive["extensions"][name] = companion;
        }
        file.json["extensionsUsed"] = json!(["KHR_gaussian_splatting", name]);
        file.json["extensionsRequired"] = json!(["KHR_gaussian_splatting", name]);
        file.show(primitive, json!({ "translation": [0, 0, 7] }));
        let scene = read(&file);
        let g = &scene.gaussians;
        assert_eq!(g.positions[0], alone.positions[0] + 7.0 * Vec3::Z, "{name}");
        assert_eq!((&g.rotations, &g.log_scales, &g.sh), (&alone.rotations, &alone.log_scales, &alone.sh));
        assert_eq!(scene.filter.rules, SplatRules::KHR_ELLIPSE);
    }
}

#[test]
fn faults_are_named() {
    let without = |index: usize| {
        let mut file = Gltf::new();
        let mut attributes = two(&mut file);
        attributes.remove(index);
        file.show(splats(&attributes, SRGB), json!({}));
        message(try_read(&file))
    };
    let lacks =
        |name: &str| format!("KHR_gaussian_splatting: mesh 0, primitive 0: lacks the attribute {name}");
    assert_eq!(without(0), lacks("POSITION"));
    for (index, name) in [(1, "ROTATION"), (2, "SCALE"), (3, "OPACITY"), (4, "SH_DEGREE_0_COEF_0")] {
        assert_eq!(without(index), lacks(&format!("KHR_gaussian_splatting:{name}")));
    }
    let mut file = Gltf::new();
    let mut attributes = two(&mut file);
    attributes[3].1 = file.floats(1, &[0.5; 3]);
    file.show(splats(&attributes, SRGB), json!({}));
    assert!(message(try_read(&file)).contains("OPACITY is not of 2 elements"));
    let mut file = placed(json!({}));
    file.json["meshes"][0]["primitives"][0]["mode"] = json!(4);
    assert!(message(try_read(&file)).contains("must be a primitive of points"));
    let mut file = placed(json!({}));
    file.json["accessors"][0]["count"] = json!(1_000_000_000_000_u64);
    assert!(message(try_read(&file)).contains("more than the limit"));
    // One that cannot be drawn is left out.
    let mut file = Gltf::new();
    let mut attributes = two(&mut file);
    attributes[0].1 = file.floats(3, &[0.0, 0.0, f32::NAN, 1.0, 2.0, 3.0]);
    file.show(splats(&attributes, SRGB), json!({}));
    let (scene, said) = warnings(|| read(&file));
    assert_eq!(scene.gaussians.positions, [Vec3::new(1.0, 2.0, 3.0)]);
    assert!(said.iter().any(|line| line.starts_with("1 of 2 Gaussians")), "{said:?}");
    // A glTF without splats is none of this reader's.
    let mut file = placed(json!({}));
    file.json["meshes"][0]["primitives"][0]["extensions"] = json!({});
    file.json["extensionsUsed"] = json!([]);
    assert!(read_khr(&file.glb(), None, &LoadLimits::default(), &OPTIONS).unwrap().is_none());
}

/// The same splats by a PLY and by this extension, drawn by the same rules, are the same picture.
#[test]
fn pictures_are_those_of_the_same_splats_in_a_ply() {
    let turn = Quat::from_euler(EulerRot::XYZ, 0.4, -0.9, 1.3);
    let mut file = placed(json!({ "rotation": turn.to_array(), "scale": [0.3, 0.3, 0.3] }));
    let mut attributes = two(&mut file);
    for name in ["SH_DEGREE_1_COEF_0", "SH_DEGREE_1_COEF_1", "SH_DEGREE_1_COEF_2"] {
        attributes.push((name, file.floats(3, &[0.4, -0.2, 0.1, -0.3, 0.5, 0.2])));
    }
    file.show(splats(&attributes, SRGB), json!({ "translation": [-0.5, 0.1, 0.0] }));
    let khr = read(&file);
    let mut ply = Vec::new();
    write_ply(&khr.gaussians, khr.filter, &mut ply).unwrap();
    let from_ply = read_ply(&ply, &OPTIONS).unwrap();
    let camera = Camera::look_at(Vec3::new(0.5, 1.0, 6.0), Vec3::new(0.5, 0.7, 0.5), Vec3::Y, 0.9, 96, 80);
    let draw = |gaussians: &Gaussians, filter| {
        let mut frame = Frame::default();
        Rasterizer::new().render(gaussians, &[], &camera, filter, &mut frame).unwrap();
        frame
    };
    let [a, b] = [&khr, &from_ply].map(|scene| draw(&scene.gaussians, khr.filter));
    let differs = a.color.iter().flatten().zip(b.color.iter().flatten()).map(|(a, b)| (a - b).abs());
    assert!(differs.fold(0.0, f32::max) < 1e-5);
    assert!(a.color.iter().filter(|c| c[3] > 0.5).count() > 200, "hardly anything is drawn");
    // By the rules of a PLY it is another picture: the order, or the edge of what is cut off.
    let other = draw(&from_ply.gaussians, from_ply.filter);
    assert!(a.color.iter().zip(&other.color).any(|(a, b)| (a[0] - b[0]).abs() > 1e-3));
}
