//! What the weights of a rig's expressions do to its morphs, and to each other (VRMC_vrm-1.0, `expressions`).

use crate::Expression;

/// What an expression does to those of a kind that is made without an artist: blinking, looking about, speaking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Override {
    /// Nothing.
    #[default]
    None,
    /// They are off while its weight is above 0.
    Block,
    /// They fade as its weight grows.
    Blend,
}

/// The kinds of expressions that others may override.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Procedural {
    /// `blink`, `blinkLeft`, `blinkRight`.
    Blink,
    /// `lookUp`, `lookDown`, `lookLeft`, `lookRight`.
    LookAt,
    /// `aa`, `ih`, `ou`, `ee`, `oh`.
    Mouth,
}

impl Procedural {
    /// All of them, in the order of [`Expression::overrides`].
    pub const ALL: [Self; 3] = [Self::Blink, Self::LookAt, Self::Mouth];

    /// The kind that the preset `name` is of.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "blink" | "blinkLeft" | "blinkRight" => Some(Self::Blink),
            "lookUp" | "lookDown" | "lookLeft" | "lookRight" => Some(Self::LookAt),
            "aa" | "ih" | "ou" | "ee" | "oh" => Some(Self::Mouth),
            _ => None,
        }
    }
}

impl Expression {
    /// Whether it moves a morph, or overrides other expressions.
    pub(crate) fn does_something(&self) -> bool {
        !self.binds.is_empty() || self.overrides != [Override::None; 3]
    }

    /// Its weight as it is shown: a binary one is off up to one half, and fully on above.
    fn output(&self, weight: f32) -> f32 {
        match self.binary {
            false => weight,
            true if weight > 0.5 => 1.0,
            true => 0.0,
        }
    }

    /// How far it suppresses a kind, 0 to 1. Its own kind is not overridden.
    fn suppression(&self, kind: Procedural, weight: f32) -> f32 {
        let output = self.output(weight).clamp(0.0, 1.0);
        match self.overrides[kind as usize] {
            _ if Procedural::of(&self.name) == Some(kind) => 0.0,
            Override::Block if output > 0.0 => 1.0,
            Override::Blend => output,
            _ => 0.0,
        }
    }
}

/// Calls `add` with each morph that the expressions bind and the weight that it gets from them, `weight(i)` being that
/// of the i-th expression. Binary expressions are on or off, and off as soon as others override them at all.
pub(crate) fn mix(
    expressions: &[Expression],
    weight: impl Fn(usize) -> f32,
    mut add: impl FnMut(usize, f32),
) {
    let shares = Procedural::ALL.map(|kind| {
        let suppression = |(i, expression): (usize, &Expression)| expression.suppression(kind, weight(i));
        1.0 - expressions.iter().enumerate().map(suppression).sum::<f32>().min(1.0)
    });
    for (i, expression) in expressions.iter().enumerate() {
        let share = Procedural::of(&expression.name).map_or(1.0, |kind| shares[kind as usize]);
        let suppressed = expression.binary && share < 1.0;
        let output = if suppressed { 0.0 } else { expression.output(weight(i)) * share };
        for &(morph, bound) in &expression.binds {
            add(morph, output * bound);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expression(name: &str, morph: usize, overrides: [Override; 3]) -> Expression {
        Expression { name: name.into(), binds: vec![(morph, 1.0)], overrides, ..Expression::default() }
    }

    fn mixed<const N: usize>(expressions: &[Expression; N], weights: [f32; N]) -> [f32; N] {
        let mut out = [0.0; N];
        mix(expressions, |i| weights[i], |morph, weight| out[morph] += weight);
        out
    }

    #[test]
    fn blocking_and_blending_as_the_text_has_it() {
        use Override::{Blend, Block, None};
        let face = [
            expression("happy", 0, [Blend, None, Block]),
            expression("angry", 1, [Blend, None, None]),
            expression("blinkLeft", 2, [Block, Block, Block]),
            expression("aa", 3, [None; 3]),
            expression("lookUp", 4, [None; 3]),
            expression("eyeBlinkLeft", 5, [None; 3]),
        ];
        // Factor of blinks: 1 − saturate(happy + angry); a blink does not override blinks.
        assert_eq!(mixed(&face, [0.0, 0.0, 1.0, 0.0, 0.5, 0.0]), [0.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
        assert_eq!(mixed(&face, [0.25, 0.5, 0.0, 1.0, 0.5, 1.0]), [0.25, 0.5, 0.0, 0.0, 0.5, 1.0]);
        assert_eq!(mixed(&face, [0.25, 0.5, 1.0, 0.0, 0.0, 0.0])[2], 0.25);
        assert_eq!(mixed(&face, [0.75, 0.75, 1.0, 0.0, 0.0, 0.0])[2], 0.0);
        assert_eq!(mixed(&face, [0.0, 0.0, 0.0, 0.75, 0.0, 0.0])[3], 0.75);
    }

    #[test]
    fn binary_expressions_are_on_or_off() {
        let mut face =
            [expression("happy", 0, [Override::Blend; 3]), expression("blink", 1, [Override::None; 3])];
        face[0].binary = true;
        assert_eq!(mixed(&face, [0.5, 0.75]), [0.0, 0.75]);
        assert_eq!(mixed(&face, [0.51, 0.75]), [1.0, 0.0]);
        face[0].binary = false;
        face[1].binary = true;
        assert_eq!(mixed(&face, [0.0, 0.75]), [0.0, 1.0]);
        assert_eq!(mixed(&face, [0.01, 0.75]), [0.01, 0.0]);
    }
}
