//! What frames are put over.

use std::str::FromStr;

/// A colour, or nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Background(pub(crate) Option<[f32; 3]>);

impl FromStr for Background {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let grey = |level: f32| Ok(Self(Some([level; 3])));
        match text {
            "transparent" => Ok(Self(None)),
            "black" => grey(0.0),
            "white" => grey(1.0),
            "grey" | "gray" => grey(0.5),
            _ => {
                let digits = text.strip_prefix('#').unwrap_or(text);
                match u32::from_str_radix(digits, 16) {
                    // A sign would pass as a digit.
                    Ok(rgb) if digits.len() == 6 && !digits.starts_with('+') => {
                        Ok(Self(Some([16, 8, 0].map(|shift| (rgb >> shift & 255) as f32 / 255.0))))
                    }
                    _ => Err("a background is transparent, black, white, grey or #rrggbb".into()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Background;

    #[test]
    fn backgrounds_are_parsed() {
        assert_eq!("#ff8000".parse(), Ok(Background(Some([1.0, 128.0 / 255.0, 0.0]))));
        assert_eq!("transparent".parse(), Ok(Background(None)));
        for bad in ["#ff80", "#gggggg", "purple", "#+12345"] {
            assert!(bad.parse::<Background>().is_err(), "{bad}");
        }
    }
}
