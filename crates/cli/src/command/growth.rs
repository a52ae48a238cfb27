//! How the time of a frame grows, drawn.

use plotters::prelude::*;

use super::measured::Row;

/// Frame time against Gaussians, a line for each device and picture size, and against pixels, a line for each device
/// and number of Gaussians: an SVG of both side by side.
pub(super) fn plot(rows: &[Row]) -> Result<String, String> {
    let mut svg = String::new();
    draw(&mut svg, rows).map_err(|error| error.to_string())?;
    Ok(svg)
}

/// One line of a plot: what it is of, and its points.
type Line = (String, Vec<(f64, f64)>);

fn draw(svg: &mut String, rows: &[Row]) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::with_string(svg, (1120, 460)).into_drawing_area();
    area.fill(&WHITE)?;
    let (left, right) = area.split_horizontally(560);
    // Scenes of other kinds are no points of one line.
    let one_family = rows.iter().all(|row| row.family == rows[0].family);
    let family = |row: &Row| if one_family { String::new() } else { format!(", {}", row.family) };
    let by_gaussians = lines(rows, |row| {
        let name = format!("{}, {}x{}{}", row.device_name(), row.width, row.height, family(row));
        (name, row.gaussians as f64)
    });
    let by_pixels = lines(rows, |row| {
        let pixels = f64::from(row.width) * f64::from(row.height);
        (format!("{}, {} Gaussians{}", row.device_name(), row.gaussians, family(row)), pixels)
    });
    chart(&left, "Gaussians", &by_gaussians)?;
    chart(&right, "pixels", &by_pixels)?;
    area.present()?;
    Ok(())
}

/// The rows' frame times as lines, by what `of` says of each: its line, and how far along it is.
fn lines(rows: &[Row], of: impl Fn(&Row) -> (String, f64)) -> Vec<Line> {
    let mut out: Vec<Line> = Vec::new();
    for row in rows {
        let (name, x) = of(row);
        let point = (x, row.frame_ms);
        match out.iter_mut().find(|(known, _)| *known == name) {
            Some((_, points)) => points.push(point),
            None => out.push((name, vec![point])),
        }
    }
    out.iter_mut().for_each(|(_, points)| points.sort_by(|a, b| a.0.total_cmp(&b.0)));
    out
}

fn chart(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    of: &str,
    lines: &[Line],
) -> Result<(), Box<dyn std::error::Error>> {
    let points = || lines.iter().flat_map(|(_, points)| points.iter().copied());
    let range = |values: &mut dyn Iterator<Item = f64>| {
        let (low, high) = values.fold((f64::INFINITY, 0.0_f64), |(l, h), v| (l.min(v), h.max(v)));
        (low * 0.6)..(high * 1.5)
    };
    let mut chart =
        ChartBuilder::on(area).margin(12).x_label_area_size(40).y_label_area_size(56).build_cartesian_2d(
            range(&mut points().map(|p| p.0)).log_scale(),
            range(&mut points().map(|p| p.1)).log_scale(),
        )?;
    chart
        .configure_mesh()
        .x_desc(of)
        .y_desc("frame, ms")
        .x_labels(4)
        .x_label_formatter(&|x| short(*x))
        .y_label_formatter(&|y| format!("{y:.0}"))
        .light_line_style(TRANSPARENT)
        .draw()?;
    for (i, (name, points)) in lines.iter().enumerate() {
        let color = Palette99::pick(i).to_rgba();
        chart
            .draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)).point_size(3))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.8))
        .draw()?;
    Ok(())
}

/// A number in thousands or millions.
fn short(x: f64) -> String {
    if x >= 1e6 { format!("{} M", x / 1e6) } else { format!("{} k", x / 1e3) }
}
