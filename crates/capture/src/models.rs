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
