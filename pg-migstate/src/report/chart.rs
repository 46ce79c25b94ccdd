//! Charts as inline SVG. Numbers are whole, text is escaped.

use crate::report::markup::text;
use crate::report::story::{Point, Span};

const WIDTH: i64 = 960;
const LABELS: i64 = 300;
const LINE: i64 = 18;
const HEIGHT: i64 = 180;

/// A bar for each table and index, from when it was begun to when it was in.
pub(super) fn timeline(spans: &[Span]) -> String {
    let (Some(begin), Some(end)) = (
        spans.iter().map(|span| span.from).min(),
        spans.iter().map(|span| span.to).max(),
    ) else {
        return "<p>Nothing was copied.</p>\n".to_owned();
    };
    let scale = Scale::new(begin, end, LABELS, WIDTH);
    let mut spans: Vec<&Span> = spans.iter().collect();
    spans.sort_by_key(|span| (span.from, span.to));
    let count = i64::try_from(spans.len()).unwrap_or(0);
    let mut svg = open("Timeline", count * LINE + 2 * LINE);
    let mut y = 0;
    for span in spans {
        let (x, width) = (scale.at(span.from), scale.at(span.to) - scale.at(span.from));
        let class = if span.kind == "TABLE" {
            "table"
        } else {
            "index"
        };
        let tip = format!(
            "{}: {} {}, {} ms, {} rows, {} bytes",
            span.database,
            span.kind,
            span.name,
            span.to - span.from,
            span.rows,
            span.bytes
        );
        svg.push_str(&format!(
            "<g><title>{}</title><text x=\"0\" y=\"{}\">{}</text><rect class=\"{class}\" \
             x=\"{x}\" y=\"{}\" width=\"{}\" height=\"{}\"/></g>\n",
            text(&tip),
            y + LINE - 5,
            text(&cut(&span.name)),
            y + 3,
            width.max(2),
            LINE - 6,
        ));
        y += LINE;
    }
    let seconds = (end - begin).div_euclid(1000);
    svg.push_str(&format!(
        "<text x=\"{LABELS}\" y=\"{0}\">0 s</text><text x=\"{WIDTH}\" y=\"{0}\" \
         text-anchor=\"end\">{seconds} s</text>\n</svg>\n",
        y + LINE
    ));
    svg
}

/// Bytes a second between the states of the journal.
pub(super) fn throughput(points: &[Point]) -> String {
    let rates = rates(points);
    let (Some(begin), Some(end), Some(most)) = (
        rates.iter().map(|rate| rate.0).min(),
        rates.iter().map(|rate| rate.1).max(),
        rates
            .iter()
            .map(|rate| rate.2)
            .max()
            .filter(|most| *most > 0),
    ) else {
        return "<p>Too short to tell.</p>\n".to_owned();
    };
    let scale = Scale::new(begin, end, 0, WIDTH);
    let mut svg = open("Throughput", HEIGHT + LINE);
    for (from, to, rate) in rates {
        let height = (i128::from(rate) * i128::from(HEIGHT) / i128::from(most)).max(1);
        svg.push_str(&format!(
            "<rect class=\"table\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{height}\">\
             <title>{rate} bytes a second</title></rect>\n",
            scale.at(from),
            i128::from(HEIGHT) - height,
            (scale.at(to) - scale.at(from)).max(1),
        ));
    }
    svg.push_str(&format!(
        "<text x=\"0\" y=\"{}\">at most {most} bytes a second</text>\n</svg>\n",
        HEIGHT + LINE - 4
    ));
    svg
}

/// From, to, and bytes a second; where counts begin anew, nothing is said.
fn rates(points: &[Point]) -> Vec<(i64, i64, u64)> {
    let mut rates = Vec::new();
    for (index, point) in points.iter().enumerate() {
        let earlier = points.iter().take(index).rev();
        let Some(before) = earlier.clone().find(|one| one.database == point.database) else {
            continue;
        };
        let took = u64::try_from(point.at - before.at).unwrap_or(0);
        let came = point.bytes.saturating_sub(before.bytes);
        if let Some(rate) = came.saturating_mul(1000).checked_div(took) {
            rates.push((before.at, point.at, rate));
        }
    }
    rates
}

fn open(title: &str, height: i64) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{WIDTH}\" \
         height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\"><title>{title}</title>\n"
    )
}

/// A name that fits beside its bar.
fn cut(name: &str) -> String {
    const CHARACTERS: usize = 42;
    if name.chars().count() <= CHARACTERS {
        return name.to_owned();
    }
    name.chars().take(CHARACTERS - 1).chain(['…']).collect()
}

/// Time to place.
struct Scale {
    begin: i64,
    span: i64,
    left: i64,
    width: i64,
}

impl Scale {
    fn new(begin: i64, end: i64, left: i64, right: i64) -> Self {
        Self {
            begin,
            span: (end - begin).max(1),
            left,
            width: right - left,
        }
    }

    fn at(&self, moment: i64) -> i64 {
        self.left + (moment - self.begin).clamp(0, self.span) * self.width / self.span
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(at: i64, bytes: u64) -> Point {
        Point {
            database: "d".to_owned(),
            at,
            bytes,
        }
    }

    #[test]
    fn rates_are_between_neighbours_and_clocks_that_go_back_are_left_out() {
        let points = [
            point(0, 0),
            point(2000, 4000),
            point(1000, 9000),
            point(3000, 9000),
        ];
        assert_eq!(rates(&points), [(0, 2000, 2000), (1000, 3000, 0)]);
    }

    #[test]
    fn bars_stay_on_the_chart() {
        let scale = Scale::new(1000, 2000, 300, 960);
        assert_eq!((scale.at(1000), scale.at(2000)), (300, 960));
        assert_eq!((scale.at(0), scale.at(9000)), (300, 960));
    }

    #[test]
    fn names_are_cut_at_a_character() {
        assert_eq!(cut("short"), "short");
        assert_eq!(cut(&"ä".repeat(60)).chars().count(), 42);
    }
}
