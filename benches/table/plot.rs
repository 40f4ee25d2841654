//! The decisive rows as a plot in SVG, legible on light and dark pages.

use std::fmt::Write as _;

use crate::figures::{Figure, groups};
use crate::markdown::time;
use crate::sample::Kind;

const PANELS: [&str; 5] = ["v2-verify", "v2-read", "v1-exchange", "encrypt-kept-key", "aksk-get"];
const WIDTH: f64 = 860.0;
/// Where bars begin, and how long the longest is.
const LEFT: f64 = 270.0;
const LONGEST: f64 = 430.0;
const ROW: f64 = 20.0;

const STYLE: &str = "<style>
text { font: 12px system-ui, sans-serif; fill: #24292f; }
.title { font-weight: 600; font-size: 13px; }
.floor { fill: #8c959f; } .ours { fill: #1a7f37; } .peer { fill: #4f7fbf; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .floor { fill: #6e7681; } .ours { fill: #3fb950; } .peer { fill: #6ca4e8; }
}
</style>
";

pub fn svg(figures: &[Figure]) -> String {
    let mut body = String::new();
    let mut y = 8.0;
    for panel in PANELS {
        let mut rows: Vec<_> = figures.iter().filter(|figure| figure.group == panel).collect();
        rows.sort_by(|a, b| a.median.total_cmp(&b.median));
        let Some(longest) = rows.last().map(|row| row.median) else { continue };
        let ours = rows.iter().find(|row| row.kind == Kind::Ours).map_or(f64::NAN, |row| row.median);
        let work = groups().find(|(group, _)| *group == panel).map_or("", |(_, work)| work);
        y += 18.0;
        let _ = writeln!(body, "<text class=\"title\" x=\"8\" y=\"{y}\">{}</text>", escaped(work));
        for row in rows {
            y += ROW;
            let (class, length) = (class(row.kind), (row.median / longest * LONGEST).max(1.0));
            let (end, top) = (LEFT - 8.0, y - 12.0);
            let after = LEFT + length + 6.0;
            let value = format!("{}, {:.1} times", time(row.median), row.median / ours);
            let _ = writeln!(body, "<text x=\"{end}\" y=\"{y}\" text-anchor=\"end\">{}</text>", escaped(&row.by));
            let _ = writeln!(
                body,
                "<rect class=\"{class}\" x=\"{LEFT}\" y=\"{top}\" width=\"{length:.1}\" height=\"14\" rx=\"2\"/>"
            );
            let _ = writeln!(body, "<text x=\"{after:.1}\" y=\"{y}\">{value}</text>");
        }
        y += 14.0;
    }
    let height = y + 4.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         role=\"img\">\n<title>Median times, and multiples of koogallery's</title>\n{STYLE}{body}</svg>\n"
    )
}

const fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Floor => "floor",
        Kind::Ours => "ours",
        Kind::Peer => "peer",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
