//! The distribution of latencies as SVG: time over the share of calls that took longer, both on logarithmic scales.

use std::fmt::Write as _;

use hdrhistogram::Histogram;

use super::LoadReport;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 380.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 740.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 330.0;

const STYLE: &str = "<style>
text { font: 12px system-ui, sans-serif; fill: #24292f; }
.grid { stroke: #d0d7de; stroke-width: 1; }
.due, .sent { fill: none; stroke-width: 2; }
.due { stroke: #b35900; } .sent { stroke: #1a7f37; stroke-dasharray: 5 3; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .grid { stroke: #3d444d; }
  .due { stroke: #f0883e; } .sent { stroke: #3fb950; }
}
</style>
";

pub(super) fn svg(report: &LoadReport) -> String {
    let scale = Scale::of(report);
    let title = format!("{} a second on {} connections: latency", report.rate, report.connections);
    let mut body = format!("<title>{title}</title>\n{STYLE}<text x=\"{LEFT}\" y=\"18\">{title}</text>\n");
    for decade in scale.lowest..=scale.highest {
        let y = scale.y(10f64.powi(decade));
        let label = match decade {
            ..3 => format!("{} µs", 10f64.powi(decade)),
            3..6 => format!("{} ms", 10f64.powi(decade - 3)),
            _ => format!("{} s", 10f64.powi(decade - 6)),
        };
        grid(&mut body, [LEFT, y, RIGHT, y]);
        let _ = writeln!(body, "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>", LEFT - 8.0, y + 4.0);
    }
    for nines in 0..=scale.nines {
        let x = scale.x(f64::from(nines));
        let decimals = usize::try_from(nines - 2).unwrap_or_default();
        let label = format!("{:.decimals$}%", 100.0 - 100.0 * 10f64.powi(-nines));
        grid(&mut body, [x, TOP, x, BOTTOM]);
        let _ = writeln!(body, "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>", BOTTOM + 18.0);
    }
    let lines = [
        ("due", "from the time at which a call was due", &report.latency, LEFT),
        ("sent", "from sending it", &report.service, LEFT + 330.0),
    ];
    for (class, meaning, histogram, x) in lines {
        let points = scale.points(histogram);
        let _ = writeln!(body, "<polyline class=\"{class}\" points=\"{points}\"/>");
        let y = BOTTOM + 40.0;
        let _ = writeln!(body, "<path class=\"{class}\" d=\"M{x} {} h30\"/>", y - 4.0);
        let _ = writeln!(body, "<text x=\"{}\" y=\"{y}\">{meaning}</text>", x + 38.0);
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         role=\"img\">\n{body}</svg>\n"
    )
}

fn grid(body: &mut String, [x1, y1, x2, y2]: [f64; 4]) {
    let _ = writeln!(body, "<line class=\"grid\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>");
}

struct Scale {
    /// Powers of ten, in microseconds.
    lowest: i32,
    highest: i32,
    /// 3 stands for 99.9 of 100 calls.
    nines: i32,
}

impl Scale {
    fn of(report: &LoadReport) -> Self {
        let shortest = report.service.min_nz().min(report.latency.min_nz()).max(1);
        let longest = report.latency.max().max(report.service.max()).max(shortest);
        let lowest = i32::try_from(shortest.ilog10()).unwrap_or_default();
        let highest = i32::try_from(longest.ilog10()).unwrap_or_default() + 1;
        let nines = i32::try_from(report.latency.len().max(10).ilog10()).unwrap_or(1);
        Self { lowest, highest, nines }
    }

    fn x(&self, nines: f64) -> f64 {
        LEFT + nines / f64::from(self.nines) * (RIGHT - LEFT)
    }

    fn y(&self, micros: f64) -> f64 {
        let (lowest, highest) = (f64::from(self.lowest), f64::from(self.highest));
        let height = (micros.max(1.0).log10() - lowest) / (highest - lowest);
        BOTTOM - height.clamp(0.0, 1.0) * (BOTTOM - TOP)
    }

    fn points(&self, histogram: &Histogram<u64>) -> String {
        const PER_NINE: i32 = 20;
        let point = |step| {
            let nines = f64::from(step) / f64::from(PER_NINE);
            let percent = 100.0 - 100.0 * 10f64.powf(-nines);
            let micros = histogram.value_at_percentile(percent) as f64;
            format!("{:.1},{:.1}", self.x(nines), self.y(micros))
        };
        (0..=self.nines * PER_NINE).map(point).collect::<Vec<_>>().join(" ")
    }
}
