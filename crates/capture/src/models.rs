//! The camera models of COLMAP, by name and number, with their parameters as it stores them.

use crate::lens::Lens;

/// One of COLMAP's camera models.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) id: i32,
    pub(crate) name: &'static str,
    /// How many parameters there are in all: one or two focal lengths, the principal point, and those of the lens.
    pub(crate) parameters: usize,
    /// How many of them are focal lengths; none where pictures are not flat.
    pub(crate) focal_lengths: usize,
    /// The lens, by its parameters.
    pub(crate) lens: fn(&[f64]) -> Option<Lens>,
}

const fn model(
    id: i32,
    name: &'static str,
    focal_lengths: usize,
    of_lens: usize,
    lens: fn(&[f64]) -> Option<Lens>,
) -> Model {
    Model { id, name, parameters: focal_lengths + 2 + of_lens, focal_lengths, lens }
}

/// COLMAP 4.2, `src/colmap/sensor/models.h`.
pub(crate) const MODELS: [Model; 18] = [
    model(0, "SIMPLE_PINHOLE", 1, 0, |_| None),
    model(1, "PINHOLE", 2, 0, |_| None),
    model(2, "SIMPLE_RADIAL", 1, 1, |k| Some(Lens::radial([at(k, 0), 0.0, 0.0, 0.0], [0.0; 2]))),
    model(3, "RADIAL", 1, 2, |k| Some(Lens::radial([at(k, 0), at(k, 1), 0.0, 0.0], [0.0; 2]))),
    model(4, "OPENCV", 2, 4, |k| Some(Lens::radial([at(k, 0), at(k, 1), 0.0, 0.0], [at(k, 2), at(k, 3)]))),
    model(5, "OPENCV_FISHEYE", 2, 4, |k| Some(Lens::fisheye([at(k, 0), at(k, 1), at(k, 2), at(k, 3)]))),
    model(6, "FULL_OPENCV", 2, 8, |k| {
        Some(Lens::Radial {
            over: [at(k, 0), at(k, 1), at(k, 4), 0.0],
            under: [at(k, 5), at(k, 6), at(k, 7)],
            tangential: [at(k, 2), at(k, 3)],
        })
    }),
    model(7, "FOV", 2, 1, |k| Some(Lens::Fov(at(k, 0)))),
    model(8, "SIMPLE_RADIAL_FISHEYE", 1, 1, |k| Some(Lens::fisheye([at(k, 0), 0.0, 0.0, 0.0]))),
    model(9, "RADIAL_FISHEYE", 1, 2, |k| Some(Lens::fisheye([at(k, 0), at(k, 1), 0.0, 0.0]))),
    model(10, "THIN_PRISM_FISHEYE", 2, 8, |k| {
        Some(Lens::Fisheye {
            k: [at(k, 0), at(k, 1), at(k, 4), at(k, 5)],
            tangential: [at(k, 2), at(k, 3)],
            prism: [at(k, 6), at(k, 7)],
        })
    }),
    model(11, "RAD_TAN_THIN_PRISM_FISHEYE", 2, 12, |k| {
        Some(Lens::Fisheye624 {
            k: [at(k, 0), at(k, 1), at(k, 2), at(k, 3), at(k, 4), at(k, 5)],
            tangential: [at(k, 6), at(k, 7)],
            prism: [at(k, 8), at(k, 9), at(k, 10), at(k, 11)],
        })
    }),
    model(12, "SIMPLE_DIVISION", 1, 1, |k| Some(Lens::Division(at(k, 0)))),
    model(13, "DIVISION", 2, 1, |k| Some(Lens::Division(at(k, 0)))),
    model(14, "SIMPLE_FISHEYE", 1, 0, |_| Some(Lens::fisheye([0.0; 4]))),
    model(15, "FISHEYE", 2, 0, |_| Some(Lens::fisheye([0.0; 4]))),
    model(16, "EUCM", 2, 2, |k| Some(Lens::Unified { alpha: at(k, 0), beta: at(k, 1) })),
    // All directions around, over so many pixels: no focal length, no principal point.
    model(17, EQUIRECTANGULAR, 0, 0, |_| None),
];

/// The model of panoramas.
pub(crate) const EQUIRECTANGULAR: &str = "EQUIRECTANGULAR";

/// What to do about a picture of all directions, of which no flat picture holds more than a part.
pub(crate) const PANORAMA: &str = "an EQUIRECTANGULAR picture shows all directions: cut it into flat views first \
                                   (COLMAP's panorama_sfm.py, nerfstudio's ns-process-data --camera-type equirectangular)";

/// The model with that number.
pub(crate) fn by_id(id: i32) -> Option<&'static Model> {
    MODELS.iter().find(|model| model.id == id)
}

/// The model of that name.
pub(crate) fn by_name(name: &str) -> Option<&'static Model> {
    MODELS.iter().find(|model| model.name == name)
}

fn at(parameters: &[f64], index: usize) -> f64 {
    parameters.get(index).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use glam::DVec2;

    use super::*;

    /// Points at depth 1, and where pycolmap 4.2.1's `Camera.img_from_cam` sees them, for cameras of 640x480.
    const POINTS: [[f64; 2]; 3] = [[0.3, -0.2], [-0.5, 0.35], [0.6, 0.45]];
    type Seen = (&'static str, &'static [f64], [[f64; 2]; 3]);
    #[rustfmt::skip]
    const SEEN: [Seen; 17] = [
        ("SIMPLE_PINHOLE", &[500.0, 320.0, 240.0], [[470.0, 140.0], [70.0, 415.0], [620.0, 465.0]]),
        ("PINHOLE", &[500.0, 510.0, 320.0, 240.0], [[470.0, 138.0], [70.0, 418.5], [620.0, 469.5]]),
        ("SIMPLE_RADIAL", &[500.0, 320.0, 240.0, -0.12], [[467.66, 141.56], [81.175, 407.1775], [599.75, 449.8125]]),
        ("RADIAL", &[500.0, 320.0, 240.0, -0.12, 0.03],
            [[467.73605, 141.5093], [80.134328, 407.90597], [602.597656, 451.948242]]),
        ("OPENCV", &[500.0, 510.0, 320.0, 240.0, -0.12, 0.03, 0.002, -0.003],
            [[467.15105, 139.937286], [78.475578, 412.42944], [601.213906, 456.347857]]),
        ("OPENCV_FISHEYE", &[300.0, 310.0, 320.0, 240.0, 0.02, -0.01, 0.003, -0.0005],
            [[406.573459, 180.360506], [184.625694, 337.920748], [475.485125, 360.500972]]),
        ("FULL_OPENCV", &[500.0, 510.0, 320.0, 240.0, 0.12, 0.03, 0.002, -0.003, 0.01, 0.2, 0.05, 0.02],
            [[467.843267, 139.466579], [75.983943, 414.208467], [604.540222, 458.892488]]),
        ("FOV", &[500.0, 510.0, 320.0, 240.0, 0.9],
            [[474.942377, 134.639184], [77.521058, 413.129965], [598.68202, 453.191745]]),
        ("SIMPLE_RADIAL_FISHEYE", &[300.0, 320.0, 240.0, 0.02],
            [[406.585409, 182.276394], [184.51465, 334.839745], [475.719321, 356.789491]]),
        ("RADIAL_FISHEYE", &[300.0, 320.0, 240.0, 0.02, -0.01],
            [[406.573023, 182.284651], [184.636086, 334.75474], [475.454497, 356.590872]]),
        ("THIN_PRISM_FISHEYE",
            &[300.0, 310.0, 320.0, 240.0, 0.02, -0.01, 0.002, -0.003, 0.003, -0.0005, 0.001, -0.002],
            [[406.286062, 180.508994], [183.913484, 338.305591], [474.998151, 360.31612]]),
        ("RAD_TAN_THIN_PRISM_FISHEYE",
            &[300.0, 310.0, 320.0, 240.0, 0.02, -0.01, 0.003, -0.0005, 0.0002, -0.0001, 0.002, -0.003, 0.001, -0.002,
                0.0015, 0.0005],
            [[406.872904, 180.169129], [185.344384, 337.431645], [475.717178, 360.302112]]),
        ("SIMPLE_DIVISION", &[500.0, 320.0, 240.0, -0.15],
            [[467.183801, 141.877466], [82.596549, 406.182416], [598.228179, 448.671134]]),
        ("DIVISION", &[500.0, 510.0, 320.0, 240.0, -0.15],
            [[467.183801, 139.915015], [82.596549, 409.506064], [598.228179, 452.844557]]),
        ("SIMPLE_FISHEYE", &[300.0, 320.0, 240.0],
            [[406.378535, 182.41431], [185.323466, 334.273574], [474.440266, 355.8302]]),
        ("FISHEYE", &[300.0, 310.0, 320.0, 240.0],
            [[406.378535, 180.494787], [185.323466, 337.416026], [474.440266, 359.691206]]),
        ("EUCM", &[300.0, 310.0, 320.0, 240.0, 0.6, 1.1],
            [[406.416559, 180.468593], [185.156099, 337.537089], [474.721502, 359.909164]]),
    ];

    #[test]
    fn lenses_bend_as_colmap_says() {
        for (name, parameters, seen) in SEEN {
            let model = by_name(name).unwrap();
            assert_eq!(parameters.len(), model.parameters, "{name}");
            let (focal, rest) = parameters.split_at(model.focal_lengths);
            let focal = DVec2::new(focal[0], *focal.last().unwrap());
            let lens = (model.lens)(&rest[2..]);
            for (point, expected) in POINTS.map(DVec2::from).into_iter().zip(seen) {
                let bent = lens.as_ref().map_or(point, |lens| lens.bend(point));
                let pixel = bent * focal + DVec2::new(rest[0], rest[1]);
                assert!(
                    pixel.abs_diff_eq(expected.into(), 1e-6 * 1.01),
                    "{name}: {pixel} is not {expected:?}"
                );
                if let Some(lens) = lens.as_ref().filter(|lens| lens.reach() > point.length()) {
                    let back = lens.straighten(bent, lens.reach()).unwrap();
                    assert!(back.abs_diff_eq(point, 1e-8), "{name}: {back} is not {point}");
                }
            }
        }
    }

    #[test]
    fn all_models_are_known_by_number() {
        // pycolmap 4.2.1, `CameraModelId`.
        let names = [
            "SIMPLE_PINHOLE",
            "PINHOLE",
            "SIMPLE_RADIAL",
            "RADIAL",
            "OPENCV",
            "OPENCV_FISHEYE",
            "FULL_OPENCV",
            "FOV",
            "SIMPLE_RADIAL_FISHEYE",
            "RADIAL_FISHEYE",
            "THIN_PRISM_FISHEYE",
            "RAD_TAN_THIN_PRISM_FISHEYE",
            "SIMPLE_DIVISION",
            "DIVISION",
            "SIMPLE_FISHEYE",
            "FISHEYE",
            "EUCM",
            "EQUIRECTANGULAR",
        ];
        for (number, name) in names.into_iter().enumerate() {
            assert_eq!(by_id(number as i32).unwrap().name, name);
        }
        assert_eq!(MODELS.len(), names.len());
        assert!(by_id(18).is_none() && by_id(-1).is_none());
    }
}
