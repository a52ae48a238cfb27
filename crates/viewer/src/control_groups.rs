//! Where a control stands in the panel, by its name, and which one is its other side.

use egui::Color32;

/// A part of the panel of controls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Group {
    Eyes,
    Brows,
    Jaw,
    Mouth,
    Cheeks,
    Tongue,
    Joints,
    Other,
}

/// What names of each group hold; the first that fits counts. Short words stand for themselves between others.
const WORDS: [(Group, &[&str]); 6] = [
    (Group::Brows, &["brow", "brw"]),
    (Group::Tongue, &["tongue"]),
    (Group::Eyes, &["eye", "blink", "lookup", "lookdown", "lookleft", "lookright", "wink"]),
    (Group::Jaw, &["jaw", "chin"]),
    (Group::Mouth, &["mouth", "lip", "mth", "viseme", "teeth", "smile", "frown"]),
    (Group::Cheeks, &["cheek", "nose", "puff"]),
];

impl Group {
    pub(crate) const ALL: [Self; 8] = [
        Self::Eyes,
        Self::Brows,
        Self::Jaw,
        Self::Mouth,
        Self::Cheeks,
        Self::Tongue,
        Self::Joints,
        Self::Other,
    ];

    /// Of the morph called `name`, in any vocabulary.
    pub(crate) fn of_morph(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let of = |words: &[&str]| words.iter().any(|word| name.contains(word));
        WORDS.iter().find(|(_, words)| of(words)).map_or(Self::Other, |&(group, _)| group)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Eyes => "Eyes",
            Self::Brows => "Brows",
            Self::Jaw => "Jaw",
            Self::Mouth => "Mouth",
            Self::Cheeks => "Cheeks and nose",
            Self::Tongue => "Tongue",
            Self::Joints => "Head and joints",
            Self::Other => "Other",
        }
    }

    /// What marks the group, on dark or on light ground.
    pub(crate) fn color(self, dark: bool) -> Color32 {
        let (r, g, b) = match self {
            Self::Eyes => (96, 168, 232),
            Self::Brows => (164, 140, 236),
            Self::Jaw => (228, 170, 84),
            Self::Mouth => (232, 124, 112),
            Self::Cheeks => (224, 138, 186),
            Self::Tongue => (206, 96, 128),
            Self::Joints => (112, 196, 140),
            Self::Other => (160, 164, 168),
        };
        let shade = |value: u8| if dark { value } else { (u16::from(value) * 5 / 8) as u8 };
        Color32::from_rgb(shade(r), shade(g), shade(b))
    }
}

/// A name as people read it: in words, without the group's own word at its front where something is left.
pub(crate) fn label(name: &str, group: Group) -> String {
    let Some(known) = effigy_rig::canonical(name) else { return name.to_owned() };
    let mut words: Vec<String> = Vec::new();
    for c in known.chars() {
        match words.last_mut() {
            Some(word) if !c.is_ascii_uppercase() => word.push(c),
            _ => words.push(c.to_ascii_lowercase().to_string()),
        }
    }
    let own = match group {
        Group::Eyes => "eye",
        Group::Brows => "brow",
        Group::Jaw => "jaw",
        Group::Mouth => "mouth",
        Group::Cheeks => "cheek",
        _ => "",
    };
    if words.len() > 1 && words.first().is_some_and(|word| word == own) {
        words.remove(0);
    }
    let mut text = words.join(" ");
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// Pairs of names that say where something goes, not on which side it is: to move both would cancel.
const DIRECTIONS: [&str; 4] = ["jawleft", "jawright", "mouthleft", "mouthright"];

/// The name of the same control on the other side of the face.
pub(crate) fn mirrored(name: &str) -> Option<String> {
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    if DIRECTIONS.contains(&plain.as_str()) {
        return None;
    }
    for (one, other) in [("Left", "Right"), ("left", "right"), ("LEFT", "RIGHT")] {
        for (from, to) in [(one, other), (other, one)] {
            if let Some(at) = name.rfind(from) {
                return Some(format!("{}{to}{}", &name[..at], &name[at + from.len()..]));
            }
        }
    }
    // A letter for the side stands alone: `eyeBlink_L`, `J_Bip_L_Hand`, `arm.R`.
    let is_edge = |c: Option<char>| c.is_none_or(|c| matches!(c, '_' | '.' | '-' | ' ' | ':'));
    for (at, letter) in name.char_indices() {
        let other = match letter {
            'L' => 'R',
            'R' => 'L',
            'l' => 'r',
            'r' => 'l',
            _ => continue,
        };
        let before = name[..at].chars().next_back();
        let after = name[at + 1..].chars().next();
        if is_edge(before) && is_edge(after) && name.len() > 1 {
            return Some(format!("{}{other}{}", &name[..at], &name[at + 1..]));
        }
    }
    None
}

/// Angles about a node's own axes on the other side, for nodes whose x axis points sideways: nodding is the same,
/// turning and leaning are the other way about.
pub(crate) fn mirrored_turn([x, y, z]: [f32; 3]) -> [f32; 3] {
    [x, -y, -z]
}

#[cfg(test)]
mod tests {
    use effigy_rig::ARKIT_NAMES;

    use super::*;

    #[test]
    fn arkit_names_fall_into_their_groups() {
        let count = |group| ARKIT_NAMES.iter().filter(|name| Group::of_morph(name) == group).count();
        // Apple's documentation: 7 for each eye, 4 of the jaw, 23 of the mouth, 5 brows, 3 of the cheeks and 2 of the
        // nose, 1 tongue. `browDown…` is no eye.
        assert_eq!(Group::ALL.map(count), [14, 5, 4, 23, 5, 1, 0, 0], "of {}", ARKIT_NAMES.len());
        for (name, group) in [
            ("Fcl_EYE_Close_L", Group::Eyes),
            ("Fcl_BRW_Angry", Group::Brows),
            ("Fcl_MTH_A", Group::Mouth),
            ("viseme_PP", Group::Mouth),
            ("Hair_Long", Group::Other),
        ] {
            assert_eq!(Group::of_morph(name), group, "{name}");
        }
    }

    #[test]
    fn labels_are_words_without_the_group() {
        for (name, expected) in [
            ("eyeLookDownLeft", "Look down left"),
            ("browInnerUp", "Inner up"),
            ("jawOpen", "Open"),
            ("jaw_left", "Left"),
            ("noseSneerRight", "Nose sneer right"),
            ("tongueOut", "Tongue out"),
            ("Fcl_MTH_A", "Fcl_MTH_A"),
        ] {
            assert_eq!(label(name, Group::of_morph(name)), expected);
        }
    }

    #[test]
    fn sides_are_exchanged_and_directions_are_not() {
        for (a, b) in [
            ("eyeBlinkLeft", "eyeBlinkRight"),
            ("eyeLookInLeft", "eyeLookInRight"),
            ("mouthSmile_L", "mouthSmile_R"),
            ("J_Bip_L_UpperArm", "J_Bip_R_UpperArm"),
            ("shoulder.r", "shoulder.l"),
            ("LeftEye", "RightEye"),
        ] {
            assert_eq!(mirrored(a).as_deref(), Some(b));
            assert_eq!(mirrored(b).as_deref(), Some(a));
        }
        for name in ["jawOpen", "jawLeft", "mouthRight", "Mouth_Left", "browInnerUp", "L", "é_", "roll"] {
            assert_eq!(mirrored(name), None, "{name}");
        }
        let paired = ARKIT_NAMES.iter().filter(|name| mirrored(name).is_some()).count();
        // All that end in a side, but for the four directions of jaw and mouth.
        let sides =
            ARKIT_NAMES.iter().filter(|name| name.ends_with("Left") || name.ends_with("Right")).count();
        assert_eq!(paired, sides - 4);
        assert!(
            ARKIT_NAMES.iter().filter_map(|name| mirrored(name)).all(|m| ARKIT_NAMES.contains(&m.as_str()))
        );
        assert_eq!(mirrored_turn([1.0, 2.0, -3.0]), [1.0, -2.0, 3.0]);
    }
}
