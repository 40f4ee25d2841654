//! The picture of a report.

use koogallery_simulator::{Checker, Outcome};

use crate::good::{self, Good};

#[tokio::test]
async fn every_group_has_a_bar_of_its_outcomes() {
    let report = Checker::new(Good::new().service, good::keys()).run().await.unwrap();
    let svg = report.to_svg();
    let picture = roxmltree::Document::parse(&svg).unwrap_or_else(|error| panic!("{error}: {svg}"));
    let titles: Vec<_> = picture
        .descendants()
        .filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "rect")))
        .filter_map(|bar| bar.first_element_child()?.text())
        .collect();
    let count = |letter: &str, is: fn(&Outcome) -> bool| {
        report.results.iter().filter(|result| result.check.id.starts_with(letter) && is(&result.outcome)).count()
    };
    for (letter, name) in [("X", "refuses what is wrong"), ("I", "exactly once"), ("F", "form of answers")] {
        let passed = count(letter, |outcome| *outcome == Outcome::Passed);
        let not_run = count(letter, |outcome| matches!(outcome, Outcome::NotRun { .. }));
        assert!(passed > 0 && titles.contains(&&*format!("{name}: {passed} passed")), "{titles:?}");
        assert_eq!(not_run > 0, titles.contains(&&*format!("{name}: {not_run} not run")), "{titles:?}");
    }
    // Every check stands in a group.
    let shown: usize = titles.iter().map(|title| number(title)).sum();
    assert_eq!(shown, report.results.len(), "{titles:?}");
    assert!(report.to_html().contains(&svg) && !svg.contains("style") && !svg.contains("href"));
}

fn number(title: &str) -> usize {
    title.split(": ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap()
}
