//! Where colour differences are: at the even columns, between two rows.

use effigy_splat::Frame;
use effigy_video::{Alpha, Layout, Matrix, PlaneFormat, Planes, Range};

use crate::formula::{Samples, stored_planes};
use crate::picture;

const FORMAT: PlaneFormat = PlaneFormat { layout: Layout::I420, matrix: Matrix::Bt601, range: Range::Full };

/// Differences of red of `frame`.
fn red(frame: &Frame) -> Samples {
    let mut planes = Planes::default();
    let picture = planes.convert(frame, FORMAT, Alpha::Over([0.0; 3])).expect("planes");
    let [_, _, red] = stored_planes(&picture);
    red
}

/// Where a row of values at `positions` crosses the middle between its ends, straight lines between them.
fn crossing(values: &[f64], position: impl Fn(usize) -> f64) -> f64 {
    let middle = 0.5 * (values[0] + values[values.len() - 1]);
    let at = values.windows(2).position(|w| (w[0] < middle) != (w[1] < middle)).expect("an edge");
    let part = (middle - values[at]) / (values[at + 1] - values[at]);
    position(at) + part * (position(at + 1) - position(at))
}

/// An edge between grey and red before column (or row) `edge` is at `edge` − ½, in units of pixel centres.
fn edge(along: bool, edge: u32) -> Frame {
    picture(32, 32, |x, y| {
        if (if along { x } else { y }) < edge { [0.3, 0.3, 0.3, 1.0] } else { [1.0, 0.1, 0.1, 1.0] }
    })
}

/// Colour differences at half the width cannot show an edge exactly, but on the average over where edges may be they must
/// not shift it. Sited in the middle of two columns, with the mean of both, they would by half a pixel.
#[test]
fn vertical_edges_stay_where_they_are() {
    let mut shifts = Vec::new();
    for at in 8..24 {
        let plane = red(&edge(true, at));
        let row: Vec<f64> = (0..16).map(|x| plane.at(x, 8)).collect();
        shifts.push(crossing(&row, |x| 2.0 * x as f64) - (f64::from(at) - 0.5));
    }
    let mean = shifts.iter().sum::<f64>() / shifts.len() as f64;
    assert!(mean.abs() < 0.02, "edges are shifted by {mean} pixels: {shifts:?}");
    assert!(shifts.iter().all(|shift| shift.abs() < 0.25), "{shifts:?}");
}

#[test]
fn horizontal_edges_stay_where_they_are() {
    let mut shifts = Vec::new();
    for at in 8..24 {
        let plane = red(&edge(false, at));
        let column: Vec<f64> = (0..16).map(|y| plane.at(8, y)).collect();
        shifts.push(crossing(&column, |y| 2.0 * y as f64 + 0.5) - (f64::from(at) - 0.5));
    }
    let mean = shifts.iter().sum::<f64>() / shifts.len() as f64;
    assert!(mean.abs() < 0.02, "edges are shifted by {mean} pixels: {shifts:?}");
    assert!(shifts.iter().all(|shift| shift.abs() <= 0.5), "{shifts:?}");
}

/// A linear gradient is neither shifted nor flattened: each difference is that of its own place.
#[test]
fn gradients_are_sampled_at_the_site() {
    let value = |x: f64| 0.2 + 0.5 * x / 63.0;
    let plane = red(&picture(64, 4, |x, _| [value(f64::from(x)) as f32, 0.2, 0.2, 1.0]));
    for x in 1..32 {
        let r = value(2.0 * x as f64);
        let y = 0.299 * r + 0.701 * 0.2;
        let wanted = 128.0 + 255.0 * (r - y) / 1.402;
        // One pixel is 1.0 codes: sited half a pixel to the right, the mean error would be 0.5.
        assert!((plane.at(x, 1) - wanted).abs() <= 0.51, "{x}: {} for {wanted}", plane.at(x, 1));
    }
    let bias: f64 = (1..32)
        .map(|x| {
            let r = value(2.0 * x as f64);
            plane.at(x, 1) - 128.0 - 255.0 * 0.701 * (r - 0.2) / 1.402
        })
        .sum::<f64>()
        / 31.0;
    assert!(bias.abs() < 0.2, "{bias}");
}
