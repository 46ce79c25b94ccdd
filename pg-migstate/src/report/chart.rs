//! Charts as inline SVG. Numbers are whole, text is escaped.

use std::collections::BTreeMap;

use pg_pipe::report::{clock, size};

use crate::report::markup::text;
use crate::report::story::{Point, Span};

const WIDTH: i64 = 960;
const LABELS: i64 = 300;
const LINE: i64 = 18;
const HEIGHT: i64 = 160;

/// What is neither a table nor an index has a bar only when it took so long, in milliseconds.
const WORTH_A_BAR: i64 = 10;

/// The time that a state holds without another one, in milliseconds: they come every second.
const HOLDS: i64 = 3_000;

/// Room of a time on the axis.
const LABEL: i64 = 60;

/// Columns of the chart of rates.
const COLUMNS: i64 = 220;

/// A bar for each table and index, from when it was begun to when it was in.
pub(super) fn timeline(spans: &[Span], paused: i64) -> String {
    let is_shown = |span: &&Span| {
        ["TABLE", "INDEX"].contains(&span.kind.as_str()) || span.to - span.from >= WORTH_A_BAR
    };
    let mut shown: Vec<&Span> = spans.iter().filter(is_shown).collect();
    let Some(scale) = Scale::of(spans) else {
        return "<p>Nothing was copied.</p>\n".to_owned();
    };
    shown.sort_by_key(|span| (span.from, span.to));
    let has_one = shown
        .windows(2)
        .all(|two| matches!(two, [a, b] if a.database == b.database));
    let count = i64::try_from(shown.len()).unwrap_or(0);
    let left_out = spans.len() - shown.len();
    let bottom = (count + 1) * LINE;
    let mut svg = format!(
        "<p><span class=\"key table\"></span> table <span class=\"key index\"></span> index \
         <span class=\"key other\"></span> anything else that took at least {WORTH_A_BAR} ms \
         ({left_out} took less){}</p>\n<div class=\"chart\">{}",
        pauses(paused),
        open("Timeline", bottom + LINE)
    );
    svg.push_str(&format!(
        "<clipPath id=\"names\"><rect x=\"0\" y=\"0\" width=\"{}\" height=\"{}\"/></clipPath>\n{}",
        LABELS - 8,
        bottom + LINE,
        axis(&scale, bottom, LINE - 6)
    ));
    let mut y = LINE;
    for span in shown {
        svg.push_str(&bar(span, &scale, y, has_one));
        y += LINE;
    }
    svg.push_str("</svg></div>\n");
    svg
}

/// What is not on the axis, in milliseconds.
fn pauses(paused: i64) -> String {
    if paused == 0 {
        return String::new();
    }
    let long = clock(u64::try_from(paused / 1_000).unwrap_or(0));
    format!("; without {long} in which nothing ran")
}

/// One bar with its name.
fn bar(span: &Span, scale: &Scale, y: i64, has_one: bool) -> String {
    let class = match span.kind.as_str() {
        "TABLE" => "table",
        "INDEX" => "index",
        _ => "other",
    };
    let moved = if span.kind == "TABLE" {
        let bytes = u64::try_from(span.bytes).unwrap_or(0);
        format!(", {} rows, {}", span.rows, size(bytes))
    } else {
        String::new()
    };
    let tip = format!(
        "{}: {} {}, {} ms{moved}",
        span.database,
        span.kind,
        span.name,
        span.to - span.from
    );
    let name = if has_one {
        span.name.clone()
    } else {
        format!("{}: {}", span.database, span.name)
    };
    let x = scale.at(span.from);
    let width = (scale.at(span.to) - x).max(2);
    format!(
        "<g><title>{}</title><text x=\"0\" y=\"{}\" clip-path=\"url(#names)\">{}</text>\
         <rect class=\"bar {class}\" x=\"{}\" y=\"{}\" width=\"{width}\" height=\"{}\"/></g>\n",
        text(&tip),
        y + LINE - 5,
        text(&cut(&name)),
        x.min(WIDTH - width),
        y + 3,
        LINE - 6,
    )
}

/// Lines at round times from the top to `bottom`, each with its time at the height `y`.
fn axis(scale: &Scale, bottom: i64, y: i64) -> String {
    const STEPS: [i64; 14] = [
        100, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000, 900_000, 1_800_000,
        3_600_000, 14_400_000, 86_400_000,
    ];
    let step = STEPS.into_iter().find(|step| scale.span / step < 9);
    let step = step.unwrap_or(scale.span / 8);
    let mut marks = String::new();
    let mut moment = 0;
    while moment <= scale.span {
        let x = scale.at(scale.begin + moment);
        let label = if step < 1_000 {
            format!("{}.{} s", moment / 1_000, moment % 1_000 / 100)
        } else {
            clock(u64::try_from(moment / 1_000).unwrap_or(0))
        };
        marks.push_str(&format!(
            "<line x1=\"{x}\" x2=\"{x}\" y1=\"0\" y2=\"{bottom}\"/>"
        ));
        // Another one would reach beyond the chart.
        if x <= WIDTH - LABEL {
            marks.push_str(&format!("<text x=\"{x}\" y=\"{y}\">{label}</text>\n"));
        }
        moment += step;
    }
    marks
}

/// Bytes a second of all databases together, over the same time as the bars.
pub(super) fn throughput(points: &[Point], spans: &[Span]) -> String {
    let nothing = || "<p>Too short to tell.</p>\n".to_owned();
    let Some(scale) = Scale::of(spans) else {
        return nothing();
    };
    let columns = columns(points, &scale);
    let Some(most) = columns.values().copied().max().filter(|most| *most > 0) else {
        return nothing();
    };
    let mut svg = format!(
        "<div class=\"chart\">{}{}<text x=\"{}\" y=\"11\" text-anchor=\"end\">{}/s</text>\n",
        open("Throughput", HEIGHT + LINE),
        axis(&scale, HEIGHT, HEIGHT + LINE - 5),
        LABELS - 8,
        size(most)
    );
    for (column, rate) in columns {
        let height = i128::from(rate) * i128::from(HEIGHT) / i128::from(most);
        svg.push_str(&format!(
            "<rect class=\"bar table\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{height}\">\
             <title>{}/s</title></rect>\n",
            LABELS + column * (WIDTH - LABELS) / COLUMNS,
            i128::from(HEIGHT) - height,
            (WIDTH - LABELS) / COLUMNS,
            size(rate)
        ));
    }
    svg.push_str("</svg></div>\n");
    svg
}

/// The rate in each column that has one: a state holds until the next one of its database.
fn columns(points: &[Point], scale: &Scale) -> BTreeMap<i64, u64> {
    let mut of_databases: BTreeMap<&str, Vec<&Point>> = BTreeMap::new();
    for point in points {
        of_databases.entry(&point.database).or_default().push(point);
    }
    let mut columns = BTreeMap::new();
    for points in of_databases.values() {
        let mut own = BTreeMap::new();
        for (index, point) in points.iter().enumerate() {
            let next = points.get(index + 1).map_or(i64::MAX, |next| next.at);
            let until = next.min(point.at.saturating_add(HOLDS));
            // A clock that went back tells nothing.
            if let Some(rate) = point.rate.filter(|_| until > point.at) {
                for column in scale.column(point.at)..=scale.column(until) {
                    own.insert(column, rate);
                }
            }
        }
        for (column, rate) in own {
            *columns.entry(column).or_insert(0) += rate;
        }
    }
    columns
}

fn open(title: &str, height: i64) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{WIDTH}\" \
         height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\"><title>{title}</title>\n"
    )
}

/// A name that fits beside its bar.
fn cut(name: &str) -> String {
    const CHARACTERS: usize = 50;
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
    /// From the first begin to the last end; `None` when there is nothing.
    fn of(spans: &[Span]) -> Option<Self> {
        let begin = spans.iter().map(|span| span.from).min()?;
        let end = spans.iter().map(|span| span.to).max()?;
        Some(Self::new(begin, end, LABELS, WIDTH))
    }

    /// Column of the chart of rates.
    fn column(&self, moment: i64) -> i64 {
        (moment - self.begin).clamp(0, self.span - 1) * COLUMNS / self.span
    }

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

    fn span(kind: &str, from: i64, to: i64) -> Span {
        Span {
            database: "d".to_owned(),
            name: "n".to_owned(),
            kind: kind.to_owned(),
            from,
            to,
            bytes: 1,
            rows: 1,
        }
    }

    fn point(database: &str, at: i64, rate: Option<u64>) -> Point {
        Point {
            database: database.to_owned(),
            at,
            rate,
        }
    }

    #[test]
    fn databases_add_up_and_a_silent_one_moves_nothing() {
        let scale = Scale::new(0, 220_000, LABELS, WIDTH);
        let points = [
            point("a", 0, Some(10)),
            point("b", 500, Some(5)),
            point("a", 1_500, Some(20)),
            point("b", 900, None),
        ];
        let columns = columns(&points, &scale);
        // A column is a second; b ends in the first one, a is silent after its fourth.
        let rates: Vec<(i64, u64)> = columns.into_iter().collect();
        assert_eq!(rates, [(0, 15), (1, 20), (2, 20), (3, 20), (4, 20)]);
    }

    #[test]
    fn small_things_that_are_no_index_have_no_bar() {
        let spans = [
            span("TABLE", 0, 0),
            span("COMMENT", 0, 1),
            span("CONSTRAINT", 0, 50),
        ];
        let chart = timeline(&spans, 90_061_000);
        assert_eq!(chart.matches("<g>").count(), 2, "{chart}");
        assert!(
            chart.contains("(1 took less); without 25:01:01 in which"),
            "{chart}"
        );
    }

    #[test]
    fn times_on_the_axis_do_not_meet_however_long_it_is() {
        for long in (1..400).map(|step| step * step * 977) {
            let axis = axis(&Scale::new(0, long, LABELS, WIDTH), 0, 0);
            let texts = axis.split("<text x=\"").skip(1);
            let places: Vec<i64> = texts
                .map(|text| text.split('"').next().unwrap().parse().unwrap())
                .chain([WIDTH])
                .collect();
            assert!(places.len() > 1, "{long}");
            for two in places.windows(2) {
                assert!(two[1] - two[0] >= LABEL, "{long}: {places:?}");
            }
        }
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
        assert_eq!(cut(&"ä".repeat(60)).chars().count(), 50);
    }
}
