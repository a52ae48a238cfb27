//! Names of controls: the 52 ARKit shapes, and other vocabularies in terms of them.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use crate::error::shown;

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

/// The ARKit name that `name` stands for. Capitals and the marks between words do not matter, and a side may be one
/// letter: `eyeBlinkLeft`, `EyeBlinkLeft`, `eyeBlink_L`, `eye_blink_left` and `EYEBLINKLEFT` are all `eyeBlinkLeft`.
///
/// A prefix is passed over: the path or deformer of an exporter (`blendShape1.jawOpen`, `Head|jawOpen`,
/// `rig:head_blendShape.JawOpen`), a number (`A25_Jaw_Open`), or a word for what kind of thing it is
/// (`ARKit_jawOpen`). What has the name of another shape before it is a correction of both, and no shape:
/// `jawOpen_mouthClose`. `None` for that and for anything else.
pub fn canonical(name: &str) -> Option<&'static str> {
    spelled(name).or_else(|| after_prefix(name))
}

/// As [`canonical`], of names without a prefix only.
pub(crate) fn spelled(name: &str) -> Option<&'static str> {
    // No ARKit name, written in any of these ways, is longer; file names for morphs may be.
    if name.len() > 64 {
        return None;
    }
    let key: String = name
        .chars()
        .filter(|c| !matches!(c, '_' | '-' | '.' | ' '))
        .map(|c| c.to_ascii_lowercase())
        .collect();
    SPELLINGS.get(&key).copied()
}

/// For each of the `names` of one rig or track, the ARKit name that it stands for among the others. A name without a
/// prefix comes before those that have one; of several with prefixes for one ARKit name, none is it.
pub(crate) fn canonical_among(names: &[String]) -> Vec<Option<&'static str>> {
    let exact: Vec<Option<&'static str>> = names.iter().map(|name| spelled(name)).collect();
    let taken: HashSet<&str> = exact.iter().flatten().copied().collect();
    let loose: Vec<Option<&'static str>> = names
        .iter()
        .zip(&exact)
        .map(|(name, exact)| {
            let known = if exact.is_none() { after_prefix(name) } else { None };
            known.filter(|known| !taken.contains(known))
        })
        .collect();
    let mut uses: HashMap<&str, u32> = HashMap::new();
    for known in loose.iter().flatten() {
        *uses.entry(known).or_default() += 1;
    }
    let alone = |known: &&'static str| uses.get(known) == Some(&1);
    exact.into_iter().zip(loose).map(|(exact, loose)| exact.or(loose.filter(alone))).collect()
}

/// The `names` of one rig or track, those that [stand for an ARKit name](canonical_among) replaced by it. Warns of
/// those that could be the same one; `place` says where they are.
pub(crate) fn canonical_names(names: Vec<String>, place: &str) -> Vec<String> {
    let known = canonical_among(&names);
    let taken: HashSet<&str> = known.iter().flatten().copied().collect();
    let unclear = |name: &&String| canonical(name).is_some_and(|known| !taken.contains(known));
    let ambiguous: Vec<&str> = names
        .iter()
        .zip(&known)
        .filter(|(_, k)| k.is_none())
        .map(|(n, _)| n)
        .filter(unclear)
        .map(String::as_str)
        .collect();
    if !ambiguous.is_empty() {
        tracing::warn!(
            "{place}: {} names stand for ARKit shapes that others stand for too, and are left as they are: {}",
            ambiguous.len(),
            few(ambiguous.iter().copied())
        );
    }
    names.into_iter().zip(known).map(|(name, known)| known.map_or(name, str::to_owned)).collect()
}

/// The first of `names`, for a message, and how many more there are.
pub(crate) fn few<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const MOST: usize = 5;
    let mut text = String::new();
    let mut count = 0;
    for name in names {
        count += 1;
        if count <= MOST {
            let separator = if count > 1 { ", " } else { "" };
            let short: String = name.chars().take(40).collect();
            text += &format!("{separator}{}", shown(&short));
        }
    }
    match count {
        0 => "none".into(),
        1..=MOST => text,
        _ => format!("{text} and {} more", count - MOST),
    }
}

/// What stands after a prefix, where that is an ARKit name.
fn after_prefix(name: &str) -> Option<&'static str> {
    const OF_A_PATH: [char; 4] = ['.', '|', ':', '/'];
    // Exporters write the path of a node before a name.
    if name.len() > 256 {
        return None;
    }
    let own_copy = |path: &str| {
        // What a second morph of one name is called where a rig is read.
        path.strip_prefix("mesh_").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    // A mark of a path may stand within the name too: `head.eyeBlink.L`.
    let starts = std::iter::once(0).chain(name.match_indices(OF_A_PATH).map(|(at, _)| at + 1));
    for start in starts {
        let (path, rest) = name.split_at(start);
        if let Some(known) = spelled(rest).or_else(|| after_words(rest)) {
            let mut parts = path.split(OF_A_PATH);
            let prefix = !own_copy(path.trim_end_matches(OF_A_PATH)) && !parts.any(names_a_shape);
            return prefix.then_some(known);
        }
    }
    None
}

/// As [`after_prefix`], where the prefix is words.
fn after_words(name: &str) -> Option<&'static str> {
    let mut rest = name;
    while let Some((word, after)) = rest.split_once(['_', '-', ' ']) {
        if !says_kind(word) {
            return None;
        }
        rest = after;
        if let Some(known) = spelled(rest) {
            return Some(known);
        }
    }
    None
}

/// Whether any run of the words in `part` is an ARKit name.
fn names_a_shape(part: &str) -> bool {
    let words: Vec<&str> = part.split(['_', '-', ' ']).filter(|word| !word.is_empty()).collect();
    // No ARKit name has more than five words.
    (0..words.len()).any(|from| {
        (from + 1..=words.len().min(from + 5)).any(|to| spelled(&words[from..to].concat()).is_some())
    })
}

/// Whether a word before a name says what kind of thing it is, or numbers it.
fn says_kind(word: &str) -> bool {
    let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
    let numbered = letters.len() < word.len();
    let kind = KINDS.iter().any(|kind| kind.eq_ignore_ascii_case(letters));
    word.is_empty()
        || kind
        || (numbered && letters.len() <= 2 && letters.bytes().all(|b| b.is_ascii_alphabetic()))
}

/// Words before an underscore that do not change what a shape is.
const KINDS: &[&str] = &[
    "arkit",
    "blendshape",
    "blendshapes",
    "bs",
    "shape",
    "shapes",
    "shapekey",
    "key",
    "morph",
    "morphs",
    "target",
    "targets",
    "face",
    "facial",
    "head",
    "body",
    "mesh",
    "geo",
    "avatar",
    "ctrl",
    "control",
    "expression",
    "facs",
    "jnt",
];

/// Every way of writing an ARKit name, without marks between words and in small letters.
static SPELLINGS: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let mut spellings = HashMap::new();
    for name in ARKIT_NAMES {
        let key = name.to_ascii_lowercase();
        for (side, letter) in [("left", "l"), ("right", "r")] {
            if let Some(stem) = key.strip_suffix(side) {
                spellings.insert(format!("{stem}{letter}"), name);
            }
        }
        spellings.insert(key, name);
    }
    spellings
});

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
    fn prefixes_are_passed_over() {
        for (name, known) in [
            ("A25_Jaw_Open", "jawOpen"),
            ("A14_Eye_Blink_Left", "eyeBlinkLeft"),
            ("25_jawOpen", "jawOpen"),
            ("blendShape1.jawOpen", "jawOpen"),
            ("head_blendShape.JawOpen", "jawOpen"),
            ("blendShape2.eyeBlink_L", "eyeBlinkLeft"),
            ("head.eyeBlink.L", "eyeBlinkLeft"),
            ("Mesh|jawOpen", "jawOpen"),
            ("|Armature|Head|mouthSmile_R", "mouthSmileRight"),
            ("rig:bs.A38_Mouth_Smile_Left", "mouthSmileLeft"),
            ("ARKit_jawOpen", "jawOpen"),
            ("facs_jnt_EyeLookUpLeft", "eyeLookUpLeft"),
            ("Head_blendShape1_jawOpen", "jawOpen"),
            ("blendShapes.MouthLeft", "mouthLeft"),
        ] {
            assert_eq!(canonical(name), Some(known), "{name}");
        }
        for name in [
            // Corrections of two shapes at once.
            "jawOpen_mouthClose",
            "blendShape1.jawOpen_mouthClose",
            "jawOpen.mouthClose",
            "A25_Jaw_Open_mouthLeft",
            "mouthSmileLeft|mouthLeft",
            "head_jawOpen.mouthClose",
            // Another shape, or a part of one.
            "lower_mouthClose",
            "V_Tongue_Out",
            "Fcl_jawOpen",
            "old_jawOpen",
            "A25_Jaw",
            "blendShape1.jaw",
            "blendShape1.",
            "A25_",
            // The second morph of that name in a rig.
            "mesh_0.jawOpen",
            "mesh_12.jawOpen.2",
        ] {
            assert_eq!(canonical(name), None, "{name}");
        }
        assert_eq!(canonical(&format!("{}.jawOpen", "x|".repeat(200))), None);
    }

    #[test]
    fn the_name_without_a_prefix_is_the_one_and_of_several_with_one_none_is() {
        let among =
            |names: &[&str]| canonical_among(&names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>());
        assert_eq!(among(&["A25_Jaw_Open", "jaw_open"]), [None, Some("jawOpen")]);
        assert_eq!(
            among(&["A25_Jaw_Open", "blendShape1.jawOpen", "blendShape1.mouthLeft"]),
            [None, None, Some("mouthLeft")]
        );
        assert_eq!(among(&["JawOpen", "jaw_open", "tail"]), [Some("jawOpen"), Some("jawOpen"), None]);
        let names = ["A25_Jaw_Open", "tail"].map(str::to_owned).to_vec();
        assert_eq!(canonical_names(names, "here"), ["jawOpen", "tail"]);
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
