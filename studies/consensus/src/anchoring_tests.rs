use super::*;

fn rate(hits: u32, of: u32) -> Rate {
    Rate { hits, of }
}

fn report(shown: Rate, blind: Rate) -> AnchoringReport {
    Anchoring { shown, blind }.report(&AnchoringRule::default()).expect("counts")
}

#[test]
fn each_finding_has_its_case() {
    let cases = [
        (rate(400, 500), rate(10, 29), Finding::TooEarly),
        (rate(450, 500), rate(35, 50), Finding::Anchored),
        (rate(300, 500), rate(48, 50), Finding::Repelled),
        (rate(4_500, 5_000), rate(4_490, 5_000), Finding::Negligible),
        (rate(450, 500), rate(44, 50), Finding::Unclear),
        // Perhaps people are put off.
        (rate(440, 500), rate(47, 50), Finding::Unclear),
    ];
    for (shown, blind, finding) in cases {
        let found = report(shown, blind);
        assert_eq!(found.finding, finding, "{}", found.reason);
    }
}

#[test]
fn reasons_say_what_was_compared() {
    let anchored = report(rate(450, 500), rate(35, 50));
    assert_eq!(
        anchored.reason,
        "the prediction pulls people along: 90.0 % agree with the model where they see its prediction and 70.0 % where they do not (95 % interval of the difference: 8.7 to 33.9 points)"
    );
    assert!((anchored.difference.expect("both") - 0.2).abs() < 1e-12);
    let early = report(rate(5, 9), rate(0, 0));
    assert_eq!(early.difference, None);
    assert_eq!(
        early.reason,
        "too early: 9 answers saw the prediction and 0 did not, and 30 of each are needed before anything is said"
    );
}

#[test]
fn the_number_needed_depends_on_the_rate_and_the_mix() {
    let even = report(rate(50, 100), rate(50, 100)).blind_needed;
    // 0.55 against 0.5, half of each: 1,565 of each.
    assert_eq!(even, 1_565);
    assert_eq!(report(rate(0, 0), rate(0, 0)).blind_needed, even);
    let tenth = report(rate(500, 1_000), rate(50, 100)).blind_needed;
    assert!((800..1_000).contains(&tenth), "{tenth}");
    let clear = report(rate(99, 100), rate(100, 100)).blind_needed;
    assert!(clear < 500, "{clear}");
}

#[test]
fn answers_are_counted_by_what_was_seen() {
    let mut counts = Anchoring::default();
    counts.record(true, true);
    counts.record(true, false);
    counts.record(false, true);
    assert_eq!(counts, Anchoring { shown: rate(1, 2), blind: rate(1, 1) });
}

#[test]
fn a_rule_that_cannot_be_is_refused() {
    let rule = AnchoringRule { relevant: 0.0, ..AnchoringRule::default() };
    let message = Anchoring::default().report(&rule).expect_err("a mistake").to_string();
    assert_eq!(message, "`relevant` must be above 0 and below 1, not `0`");
}
