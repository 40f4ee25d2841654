//! A picture of the outcomes: one bar for each group of checks.

use super::{LocalizedReport, Outcome, Report};

/// The groups by the letter of their checks, in their order.
const GROUPS: [(&str, &str); 9] = [
    ("R", "reachable"),
    ("A", "accepts what is right"),
    ("X", "refuses what is wrong"),
    ("I", "exactly once"),
    ("D", "in time"),
    ("L", "lifecycle"),
    ("Q", "queries and usage"),
    ("F", "form of answers"),
    ("C", "seller console"),
];

/// Colors with enough contrast for white text, and their words: colors alone are not seen by everybody.
const PASSED: (&str, &str) = ("#176b34", "passed");
const FAILED: (&str, &str) = ("#b3161b", "failed");
const NOT_RUN: (&str, &str) = ("#6b6b6b", "not run");

const LEFT: usize = 190;
const WIDTH: usize = 480;
const ROW: usize = 24;

impl Report {
    /// Draws how many checks of each group passed, failed and were not run, as SVG for HTML. It is well-formed XML and has
    /// no scripts, styles or links.
    pub fn to_svg(&self) -> String {
        self.english().to_svg()
    }

    /// Returns how many checks of a group passed, failed and were not run; `None` if there are none.
    fn counts(&self, letter: &str) -> Option<[usize; 3]> {
        let mut counts = [0; 3];
        for result in self.results.iter().filter(|result| result.check.id.starts_with(letter)) {
            counts[match result.outcome {
                Outcome::Passed => 0,
                Outcome::Failed(_) => 1,
                Outcome::NotRun { .. } => 2,
            }] += 1;
        }
        (counts != [0; 3]).then_some(counts)
    }
}

impl LocalizedReport<'_> {
    /// Draws the picture of [`Report::to_svg`].
    pub fn to_svg(&self) -> String {
        let rows: Vec<_> = GROUPS.iter().filter_map(|(letter, name)| Some((*name, self.counts(letter)?))).collect();
        let most = rows.iter().map(|(_, counts)| counts.iter().sum::<usize>()).max().unwrap_or_default().max(1);
        let height = (rows.len() + 1) * ROW;
        let described = rows.iter().map(|(name, [passed, failed, not_run])| {
            let counts = format!("{passed} passed, {failed} failed, {not_run} not run");
            format!("{}: {}", self.word(name), self.word(&counts))
        });
        let described = described.collect::<Vec<_>>().join("; ");
        let bars: String =
            (0..).zip(&rows).map(|(row, (name, counts))| self.bar(row * ROW, name, counts, most)).collect();
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"0 0 {} {height}\" width=\"100%\" \
             font-family=\"system-ui, sans-serif\" font-size=\"13\"><title>{}: {described}</title>\n{bars}{}</svg>\n",
            LEFT + WIDTH,
            self.profile,
            self.legend(rows.len() * ROW),
        )
    }

    /// A word in the report's language; markup would break the picture.
    fn word(&self, text: &str) -> String {
        self.say(text).replace(['<', '>', '&', '"'], "")
    }

    fn bar(&self, y: usize, name: &str, counts: &[usize; 3], most: usize) -> String {
        let name = &self.word(name);
        let mut bar = text(0, y, "currentColor", name);
        let mut x = LEFT;
        for (count, (color, word)) in counts.iter().zip([PASSED, FAILED, NOT_RUN]).filter(|(count, _)| **count > 0) {
            let width = WIDTH * count / most;
            bar.push_str(&format!(
                "<rect x=\"{x}\" y=\"{}\" width=\"{width}\" height=\"{}\" fill=\"{color}\"><title>{name}: {}</title></rect>",
                y + 2,
                ROW - 4,
                self.word(&format!("{count} {word}")),
            ));
            // A number is wider than the bar of one check among many.
            if width >= 18 {
                bar.push_str(&text(x + 5, y, "#fff", &count.to_string()));
            }
            x += width;
        }
        bar + "\n"
    }

    fn legend(&self, y: usize) -> String {
        let entry = |(index, (color, word))| {
            let x = LEFT + index * 90;
            let square = format!("<rect x=\"{x}\" y=\"{}\" width=\"12\" height=\"12\" fill=\"{color}\"/>", y + 6);
            square + &text(x + 17, y, "currentColor", &self.word(word))
        };
        [PASSED, FAILED, NOT_RUN].into_iter().enumerate().map(entry).collect()
    }
}

fn text(x: usize, y: usize, color: &str, text: &str) -> String {
    format!("<text x=\"{x}\" y=\"{}\" fill=\"{color}\">{text}</text>", y + 17)
}
