//! Another light than the captured one, from the command line.

use clap::Args;
use effigy_splat::Light;
use glam::Vec3;

use crate::failure::bad_input;

/// Options that light an avatar. With none of them it is shown as it was captured.
#[derive(Args, Clone, Debug)]
pub(crate) struct LightOptions {
    /// Show the avatar in another light: from everywhere so much (1 if left out, as captured), or so much linear red,
    /// green and blue.
    #[arg(long, allow_hyphen_values = true, value_name = "N|R,G,B")]
    ambient: Option<String>,
    /// And a lamp so strong on surfaces that face it (0 if left out), or so much linear red, green and blue.
    #[arg(long, allow_hyphen_values = true, value_name = "N|R,G,B")]
    key: Option<String>,
    /// Where the lamp is, degrees [default: 40,35]: 0,0 is straight in front of the avatar, a positive azimuth to its
    /// left, which is the viewer's right, a positive elevation above.
    #[arg(long, allow_hyphen_values = true, value_name = "AZIMUTH,ELEVATION")]
    key_from: Option<String>,
}

const KEY_FROM: [f32; 2] = [40.0, 35.0];

impl LightOptions {
    /// The light that is asked for, if one is.
    pub(crate) fn light(&self) -> anyhow::Result<Option<Light>> {
        if let (None, Some(from)) = (&self.key, &self.key_from) {
            return Err(bad_input(format!("--key-from {from} says where a lamp is that has no --key")));
        }
        if self.ambient.is_none() && self.key.is_none() {
            return Ok(None);
        }
        let light = |name, text: &Option<String>, otherwise| {
            text.as_deref().map_or(Ok(otherwise), |text| color(name, text))
        };
        Ok(Some(Light {
            ambient: light("--ambient", &self.ambient, Vec3::ONE)?,
            key: light("--key", &self.key, Vec3::ZERO)?,
            direction: match self.key_from.as_deref() {
                Some(text) => direction(text)?,
                None => from_degrees(KEY_FROM),
            },
        }))
    }
}

/// One number for grey, or three.
fn color(name: &str, text: &str) -> anyhow::Result<Vec3> {
    let color = match numbers(text).as_deref() {
        Some(&[level]) => Some(Vec3::splat(level)),
        Some(&[r, g, b]) => Some(Vec3::new(r, g, b)),
        _ => None,
    };
    color.filter(|color| color.min_element() >= 0.0).ok_or_else(|| {
        bad_input(format!("{name} {text} is not a number from 0 on, or three: red,green,blue"))
    })
}

fn direction(text: &str) -> anyhow::Result<Vec3> {
    match numbers(text).as_deref() {
        Some(&[azimuth, elevation]) if elevation.abs() <= 90.0 => Ok(from_degrees([azimuth, elevation])),
        _ => Err(bad_input(format!(
            "--key-from {text} is not an azimuth and an elevation from -90 to 90 degrees, such as 40,35"
        ))),
    }
}

/// Finite numbers between commas.
fn numbers(text: &str) -> Option<Vec<f32>> {
    text.split(',').map(|part| part.trim().parse().ok().filter(|number: &f32| number.is_finite())).collect()
}

/// To the lamp. Avatars look along +Z, and +X is their left.
fn from_degrees([azimuth, elevation]: [f32; 2]) -> Vec3 {
    let (azimuth, elevation) = (azimuth.to_radians(), elevation.to_radians());
    Vec3::new(azimuth.sin() * elevation.cos(), elevation.sin(), azimuth.cos() * elevation.cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn light(
        ambient: Option<&str>,
        key: Option<&str>,
        key_from: Option<&str>,
    ) -> Result<Option<Light>, String> {
        let [ambient, key, key_from] = [ambient, key, key_from].map(|text| text.map(str::to_owned));
        LightOptions { ambient, key, key_from }.light().map_err(|error| error.to_string())
    }

    #[test]
    fn light_is_parsed() {
        assert_eq!(light(None, None, None), Ok(None));
        let dim = light(Some("0.5"), None, None).unwrap().unwrap();
        assert_eq!((dim.ambient, dim.key), (Vec3::splat(0.5), Vec3::ZERO));
        let lamp = light(None, Some("1,0.5,0"), Some("90,0")).unwrap().unwrap();
        assert_eq!((lamp.ambient, lamp.key), (Vec3::ONE, Vec3::new(1.0, 0.5, 0.0)));
        assert!(lamp.direction.abs_diff_eq(Vec3::X, 1e-6), "the avatar's left");
        let above = light(None, Some("1"), Some("-123,90")).unwrap().unwrap();
        assert!(above.direction.abs_diff_eq(Vec3::Y, 1e-6));
        // Half of 1 at 30 degrees up, and 40 degrees to the left of the rest.
        let usual = light(None, Some("1"), None).unwrap().unwrap();
        assert!(usual.direction.abs_diff_eq(Vec3::new(0.526_541, 0.573_576, 0.627_507), 1e-5));
        let behind = light(None, Some("1"), Some("180,30")).unwrap().unwrap();
        assert!(behind.direction.abs_diff_eq(Vec3::new(0.0, 0.5, -0.866_025), 1e-5));
    }

    #[test]
    fn what_is_no_light_is_named() {
        for bad in ["-1", "nan", "inf", "1,2", "1,2,3,4", "1,-2,3", "bright", ""] {
            for (fault, name) in
                [(light(Some(bad), None, None), "--ambient"), (light(None, Some(bad), None), "--key")]
            {
                let fault = fault.unwrap_err();
                assert!(fault.starts_with(&format!("{name} {bad} is not")), "{fault}");
            }
        }
        for bad in ["40", "40,91", "nan,0", "0,0,0", "up"] {
            let fault = light(None, Some("1"), Some(bad)).unwrap_err();
            assert!(fault.starts_with(&format!("--key-from {bad} is not")), "{fault}");
        }
        assert!(light(None, None, Some("0,0")).unwrap_err().contains("no --key"));
    }
}
