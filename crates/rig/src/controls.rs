//! Names of controls: the 52 ARKit shapes, and other vocabularies in terms of them.

/// The 52 ARKit face shapes in camelCase, in the order of Live Link Face.
///
/// Apple, ARKit `ARFaceAnchor.BlendShapeLocation`. Values run from 0 (at rest) to 1.
pub const ARKIT_NAMES: [&str; 52] = [
    "eyeBlinkLeft",
    "eyeLookDownLeft",
    "eyeLookInLeft",
    "eyeLookOutLeft",
    "eyeLookUpLeft",
    "eyeSquintLeft",
    "eyeWideLeft",
    "eyeBlinkRight",
    "eyeLookDownRight",
    "eyeLookInRight",
    "eyeLookOutRight",
    "eyeLookUpRight",
    "eyeSquintRight",
    "eyeWideRight",
    "jawForward",
    "jawRight",
    "jawLeft",
    "jawOpen",
    "mouthClose",
    "mouthFunnel",
    "mouthPucker",
    "mouthRight",
    "mouthLeft",
    "mouthSmileLeft",
    "mouthSmileRight",
    "mouthFrownLeft",
    "mouthFrownRight",
    "mouthDimpleLeft",
    "mouthDimpleRight",
    "mouthStretchLeft",
    "mouthStretchRight",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthShrugUpper",
    "mouthPressLeft",
    "mouthPressRight",
    "mouthLowerDownLeft",
    "mouthLowerDownRight",
    "mouthUpperUpLeft",
    "mouthUpperUpRight",
    "browDownLeft",
    "browDownRight",
    "browInnerUp",
    "browOuterUpLeft",
    "browOuterUpRight",
    "cheekPuff",
    "cheekSquintLeft",
    "cheekSquintRight",
    "noseSneerLeft",
    "noseSneerRight",
    "tongueOut",
];

/// The ARKit name that `name` stands for, whatever its capitals: `eyeBlinkLeft`, `EyeBlinkLeft`, `eyeBlink_L`,
/// `eye_blink_left` and `EYEBLINKLEFT` are all `eyeBlinkLeft`. `None` for anything else.
pub fn canonical(name: &str) -> Option<&'static str> {
    // No ARKit name, written in any of these ways, is longer; file names for morphs may be.
    if name.len() > 64 {
        return None;
    }
    let key: String = name
        .chars()
        .filter(|c| !matches!(c, '_' | '-' | '.' | ' '))
        .map(|c| c.to_ascii_lowercase())
        .collect();
    ARKIT_NAMES.into_iter().find(|known| {
        let known = known.to_ascii_lowercase();
        known == key
            || known.strip_suffix("left").is_some_and(|stem| key.strip_suffix('l') == Some(stem))
            || known.strip_suffix("right").is_some_and(|stem| key.strip_suffix('r') == Some(stem))
    })
}

/// A control of another vocabulary as a weighted set of ARKit shapes.
pub type Recipe = &'static [(&'static str, f32)];

/// What `name`, an Oculus viseme (with or without `viseme_`) or a VRM 1.0 expression preset, is in ARKit shapes.
///
/// The names follow Meta's viseme reference (15 of them) and VRMC_vrm-1.0 `expressions.preset`; capitals do not matter.
/// The weights are this crate's own: no standard gives any. `sil` and `neutral` are known and move nothing.
pub fn recipe(name: &str) -> Option<Recipe> {
    let name = name.get(..7).filter(|p| p.eq_ignore_ascii_case("viseme_")).map_or(name, |p| &name[p.len()..]);
    RECIPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, recipe)| *recipe)
}

/// The VRM 1.0 preset that comes nearest to an ARKit shape, with its weight: for rigs that have presets only.
pub(crate) fn nearest_preset(arkit: &str) -> Option<(&'static str, f32)> {
    NEAREST_PRESETS.iter().find(|(known, ..)| *known == arkit).map(|&(_, preset, weight)| (preset, weight))
}

const NEAREST_PRESETS: &[(&str, &str, f32)] = &[
    ("eyeBlinkLeft", "blinkLeft", 1.0),
    ("eyeBlinkRight", "blinkRight", 1.0),
    ("jawOpen", "aa", 1.0),
    ("mouthPucker", "ou", 0.8),
    ("mouthFunnel", "oh", 0.8),
    ("mouthStretchLeft", "ih", 0.4),
    ("mouthStretchRight", "ih", 0.4),
    ("mouthSmileLeft", "happy", 0.4),
    ("mouthSmileRight", "happy", 0.4),
    ("mouthFrownLeft", "sad", 0.4),
    ("mouthFrownRight", "sad", 0.4),
    ("browDownLeft", "angry", 0.4),
    ("browDownRight", "angry", 0.4),
];

const RECIPES: &[(&str, Recipe)] = &[
    // Oculus visemes; `aa` and `oh` are VRM presets too.
    ("sil", &[]),
    (
        "PP",
        &[
            ("mouthPressLeft", 0.6),
            ("mouthPressRight", 0.6),
            ("mouthRollLower", 0.3),
            ("mouthRollUpper", 0.3),
        ],
    ),
    (
        "FF",
        &[
            ("mouthRollLower", 0.5),
            ("mouthUpperUpLeft", 0.25),
            ("mouthUpperUpRight", 0.25),
            ("jawOpen", 0.05),
        ],
    ),
    (
        "TH",
        &[("jawOpen", 0.2), ("tongueOut", 0.3), ("mouthLowerDownLeft", 0.2), ("mouthLowerDownRight", 0.2)],
    ),
    (
        "DD",
        &[
            ("jawOpen", 0.2),
            ("mouthLowerDownLeft", 0.25),
            ("mouthLowerDownRight", 0.25),
            ("mouthUpperUpLeft", 0.1),
            ("mouthUpperUpRight", 0.1),
        ],
    ),
    ("kk", &[("jawOpen", 0.25), ("mouthStretchLeft", 0.15), ("mouthStretchRight", 0.15)]),
    ("CH", &[("jawOpen", 0.1), ("mouthFunnel", 0.5), ("mouthShrugUpper", 0.2)]),
    (
        "SS",
        &[
            ("jawOpen", 0.05),
            ("mouthStretchLeft", 0.3),
            ("mouthStretchRight", 0.3),
            ("mouthLowerDownLeft", 0.2),
            ("mouthLowerDownRight", 0.2),
        ],
    ),
    ("nn", &[("jawOpen", 0.15), ("mouthLowerDownLeft", 0.15), ("mouthLowerDownRight", 0.15)]),
    ("RR", &[("jawOpen", 0.15), ("mouthFunnel", 0.3), ("mouthPucker", 0.15)]),
    ("aa", &[("jawOpen", 0.6), ("mouthLowerDownLeft", 0.15), ("mouthLowerDownRight", 0.15)]),
    ("E", &[("jawOpen", 0.3), ("mouthStretchLeft", 0.3), ("mouthStretchRight", 0.3)]),
    (
        "I",
        &[
            ("jawOpen", 0.15),
            ("mouthStretchLeft", 0.4),
            ("mouthStretchRight", 0.4),
            ("mouthSmileLeft", 0.2),
            ("mouthSmileRight", 0.2),
        ],
    ),
    ("O", &[("jawOpen", 0.4), ("mouthFunnel", 0.5), ("mouthPucker", 0.2)]),
    ("U", &[("jawOpen", 0.15), ("mouthPucker", 0.7), ("mouthFunnel", 0.2)]),
    // VRM 1.0 presets.
    (
        "ih",
        &[
            ("jawOpen", 0.15),
            ("mouthStretchLeft", 0.4),
            ("mouthStretchRight", 0.4),
            ("mouthSmileLeft", 0.2),
            ("mouthSmileRight", 0.2),
        ],
    ),
    ("ou", &[("jawOpen", 0.15), ("mouthPucker", 0.7), ("mouthFunnel", 0.2)]),
    ("ee", &[("jawOpen", 0.3), ("mouthStretchLeft", 0.3), ("mouthStretchRight", 0.3)]),
    ("oh", &[("jawOpen", 0.4), ("mouthFunnel", 0.5), ("mouthPucker", 0.2)]),
    ("blink", &[("eyeBlinkLeft", 1.0), ("eyeBlinkRight", 1.0)]),
    ("blinkLeft", &[("eyeBlinkLeft", 1.0)]),
    ("blinkRight", &[("eyeBlinkRight", 1.0)]),
    (
        "happy",
        &[
            ("mouthSmileLeft", 0.8),
            ("mouthSmileRight", 0.8),
            ("cheekSquintLeft", 0.5),
            ("cheekSquintRight", 0.5),
            ("eyeSquintLeft", 0.3),
            ("eyeSquintRight", 0.3),
        ],
    ),
    (
        "angry",
        &[
            ("browDownLeft", 0.9),
            ("browDownRight", 0.9),
            ("noseSneerLeft", 0.4),
            ("noseSneerRight", 0.4),
            ("mouthFrownLeft", 0.3),
            ("mouthFrownRight", 0.3),
            ("eyeSquintLeft", 0.3),
            ("eyeSquintRight", 0.3),
        ],
    ),
    (
        "sad",
        &[("browInnerUp", 0.8), ("mouthFrownLeft", 0.7), ("mouthFrownRight", 0.7), ("mouthShrugLower", 0.3)],
    ),
    (
        "relaxed",
        &[("mouthSmileLeft", 0.3), ("mouthSmileRight", 0.3), ("eyeBlinkLeft", 0.3), ("eyeBlinkRight", 0.3)],
    ),
    (
        "surprised",
        &[
            ("browInnerUp", 0.8),
            ("browOuterUpLeft", 0.8),
            ("browOuterUpRight", 0.8),
            ("eyeWideLeft", 0.7),
            ("eyeWideRight", 0.7),
            ("jawOpen", 0.3),
        ],
    ),
    ("neutral", &[]),
    ("lookUp", &[("eyeLookUpLeft", 1.0), ("eyeLookUpRight", 1.0)]),
    ("lookDown", &[("eyeLookDownLeft", 1.0), ("eyeLookDownRight", 1.0)]),
    ("lookLeft", &[("eyeLookOutLeft", 1.0), ("eyeLookInRight", 1.0)]),
    ("lookRight", &[("eyeLookInLeft", 1.0), ("eyeLookOutRight", 1.0)]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_spelling_of_an_arkit_name_is_known() {
        for name in
            ["eyeBlinkLeft", "EyeBlinkLeft", "eyeBlink_L", "eye_blink_left", "EYEBLINKLEFT", "eyeBlink.L"]
        {
            assert_eq!(canonical(name), Some("eyeBlinkLeft"), "{name}");
        }
        assert_eq!(canonical("mouthSmile_R"), Some("mouthSmileRight"));
        assert_eq!(canonical("jawLeft"), Some("jawLeft"));
        assert_eq!(canonical("BrowInnerUp"), Some("browInnerUp"));
        for name in ["", "Fcl_MTH_A", "eyeBlink", "jawOpenL", "left", "mouthSmileLeftRight"] {
            assert_eq!(canonical(name), None, "{name}");
        }
        assert!(ARKIT_NAMES.into_iter().all(|name| canonical(name) == Some(name)));
    }

    #[test]
    fn recipes_name_arkit_shapes_only() {
        for (name, recipe) in RECIPES {
            for (shape, weight) in *recipe {
                assert!(ARKIT_NAMES.contains(shape), "{name}: {shape}");
                assert!((0.0..=1.0).contains(weight));
            }
        }
        for (shape, preset, _) in NEAREST_PRESETS {
            assert!(ARKIT_NAMES.contains(shape) && recipe(preset).is_some());
        }
    }

    #[test]
    fn visemes_and_presets_are_known() {
        let visemes = ["sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "I", "O", "U"];
        let presets = [
            "happy",
            "angry",
            "sad",
            "relaxed",
            "surprised",
            "aa",
            "ih",
            "ou",
            "ee",
            "oh",
            "blink",
            "blinkLeft",
            "blinkRight",
            "lookUp",
            "lookDown",
            "lookLeft",
            "lookRight",
            "neutral",
        ];
        assert!(visemes.iter().chain(&presets).all(|name| recipe(name).is_some()));
        assert_eq!(recipe("viseme_PP"), recipe("pp"));
        assert_eq!(recipe("blinkLeft"), Some([("eyeBlinkLeft", 1.0)].as_slice()));
        assert_eq!(recipe("jawOpen"), None);
        assert_eq!(recipe("viseme"), None);
    }
}
