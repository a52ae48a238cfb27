//! The formulas of the standards, written down apart from the crate: planes as lists of real-valued codes.

use effigy_splat::Frame;
use effigy_video::{Alpha, Association, Component, Layout, Matrix, Picture, PlaneFormat, Range};

/// A plane of samples.
pub(crate) struct Samples {
    pub(crate) width: usize,
    pub(crate) values: Vec<f64>,
}

impl Samples {
    pub(crate) fn at(&self, x: usize, y: usize) -> f64 {
        self.values[y * self.width + x]
    }
}

/// E'Y, E'PB, E'PR of BT.601-7 (2.5.1, 2.5.2) and BT.709-6 (3.2, 3.3).
pub(crate) fn y_cb_cr(matrix: Matrix, [r, g, b]: [f64; 3]) -> [f64; 3] {
    match matrix {
        Matrix::Bt601 => {
            let y = 0.299 * r + 0.587 * g + 0.114 * b;
            [y, (b - y) / 1.772, (r - y) / 1.402]
        }
        Matrix::Bt709 => {
            let y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
            [y, (b - y) / 1.8556, (r - y) / 1.5748]
        }
    }
}

/// The inverse.
pub(crate) fn r_g_b(matrix: Matrix, [y, cb, cr]: [f64; 3]) -> [f64; 3] {
    match matrix {
        Matrix::Bt601 => [y + 1.402 * cr, y - 0.344_136_286 * cb - 0.714_136_286 * cr, y + 1.772 * cb],
        Matrix::Bt709 => [y + 1.5748 * cr, y - 0.187_324_273 * cb - 0.468_124_273 * cr, y + 1.8556 * cb],
    }
}

/// Equations 20 to 25 of Rec. ITU-T H.273 before they are rounded: codes of luma and of a colour difference.
pub(crate) fn codes(format: PlaneFormat) -> [[f64; 2]; 2] {
    let ten = format.layout == Layout::P010;
    match (format.range, ten) {
        (Range::Limited, false) => [[219.0, 16.0], [224.0, 128.0]],
        (Range::Limited, true) => [[876.0, 64.0], [896.0, 512.0]],
        (Range::Full, false) => [[255.0, 0.0], [255.0, 128.0]],
        (Range::Full, true) => [[1023.0, 0.0], [1023.0, 512.0]],
    }
}

/// Real-valued codes of `frame`: luma and the two colour differences, each clipped to the codes that there are.
pub(crate) fn planes(frame: &Frame, format: PlaneFormat, alpha: Alpha) -> [Samples; 3] {
    let (w, h) = (frame.width as i64, frame.height as i64);
    let subsampled = format.layout != Layout::I444;
    let even = |side: i64| if subsampled { side + side % 2 } else { side };
    let (wide, high) = (even(w), even(h));
    let largest = if format.layout == Layout::P010 { 1023.0 } else { 255.0 };
    let [[luma_scale, luma_offset], [scale, offset]] = codes(format);
    // Y, Cb, Cr and weight of a pixel, any place.
    let pixel = |x: i64, y: i64| -> [f64; 4] {
        let at = y.clamp(0, h - 1) * w + x.clamp(0, w - 1);
        let [r, g, b, a] = frame.color[at as usize].map(f64::from);
        let (rgb, weight) = match alpha {
            Alpha::Over(under) => {
                let under = under.map(f64::from);
                ([r + under[0] * (1.0 - a), g + under[1] * (1.0 - a), b + under[2] * (1.0 - a)], 1.0)
            }
            Alpha::Plane(Association::Premultiplied) | Alpha::SideBySide(Association::Premultiplied) => {
                ([r, g, b], 1.0)
            }
            _ if 255.0 * a < 0.5 => ([0.0; 3], 0.0),
            _ => ([r / a, g / a, b / a], a),
        };
        let [y, cb, cr] = y_cb_cr(format.matrix, rgb.map(|c| c.clamp(0.0, 1.0)));
        [y, cb, cr, weight]
    };
    let beside = matches!(alpha, Alpha::SideBySide(_));
    let columns = if beside { 2 * wide } else { wide };
    let mut luma = Samples { width: columns as usize, values: Vec::new() };
    for y in 0..high {
        for x in 0..columns {
            let value = if x < wide {
                pixel(x, y)[0]
            } else {
                f64::from(frame.color[(y.min(h - 1) * w + (x - wide).min(w - 1)) as usize][3])
            };
            luma.values.push((luma_scale * value + luma_offset).clamp(0.0, largest));
        }
    }
    // Places and weights of the filter around a colour difference.
    let taps: &[(i64, i64, f64)] = if subsampled {
        &[(-1, 0, 1.0), (0, 0, 2.0), (1, 0, 1.0), (-1, 1, 1.0), (0, 1, 2.0), (1, 1, 1.0)]
    } else {
        &[(0, 0, 1.0)]
    };
    let step = if subsampled { 2 } else { 1 };
    let differences = [1, 2].map(|component| {
        let mut out = Samples { width: (columns / step) as usize, values: Vec::new() };
        for y in 0..high / step {
            for x in 0..columns / step {
                let (mut sum, mut weights) = (0.0, 0.0);
                if step * x < wide {
                    for (dx, dy, part) in taps {
                        let p = pixel(step * x + dx, step * y + dy);
                        sum += part * p[3] * p[component];
                        weights += part * p[3];
                    }
                }
                let mean = if weights > 0.0 { sum / weights } else { 0.0 };
                out.values.push((scale * mean + offset).clamp(0.0, largest));
            }
        }
        out
    });
    let [blue, red] = differences;
    [luma, blue, red]
}

/// The codes of a component as they are stored, 10 bits moved down.
pub(crate) fn stored(picture: &Picture<'_>, component: Component) -> Option<Samples> {
    let rows = picture.plane(component)?;
    let wide = picture.shape().format().layout == Layout::P010;
    let size = if wide { 2 } else { 1 };
    let values = rows
        .iter()
        .flat_map(|row| {
            row.chunks_exact(size).map(move |s| {
                if wide {
                    let sample = u16::from_le_bytes([s[0], s[1]]);
                    assert_eq!(sample % 64, 0, "the lower 6 bits of P010 are zero");
                    f64::from(sample / 64)
                } else {
                    f64::from(s[0])
                }
            })
        })
        .collect();
    Some(Samples { width: rows.row / size, values })
}

/// Luma and both colour differences as they are stored, whatever the layout.
pub(crate) fn stored_planes(picture: &Picture<'_>) -> [Samples; 3] {
    let luma = stored(picture, Component::Luma).expect("luma");
    let [blue, red] = match stored(picture, Component::CbCr) {
        Some(both) => [0, 1].map(|start| Samples {
            width: both.width / 2,
            values: both.values.iter().copied().skip(start).step_by(2).collect(),
        }),
        None => [Component::Cb, Component::Cr].map(|c| stored(picture, c).expect("a plane")),
    };
    [luma, blue, red]
}
