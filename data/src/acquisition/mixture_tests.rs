use proptest::prelude::*;

use super::*;

fn parts(shares: &[f64]) -> Vec<(Acquisition, f64)> {
    Acquisition::ALL.into_iter().zip(shares.iter().copied()).collect()
}

proptest! {
    #[test]
    fn divided_rows_add_up_and_are_within_one_of_their_shares(
        shares in prop::collection::vec(0.01..10.0_f64, 1..8), count in 0..10_000_usize,
    ) {
        let mixture = Mixture::new(&parts(&shares)).unwrap();
        prop_assert!((mixture.parts().iter().map(|(_, share)| share).sum::<f64>() - 1.0).abs() < 1e-12);
        let counts = mixture.divide(count);
        prop_assert_eq!(counts.iter().sum::<usize>(), count);
        for ((_, share), rows) in mixture.parts().iter().zip(counts) {
            prop_assert!((share * count as f64 - rows as f64).abs() < 1.0, "{} of {}", rows, count);
        }
    }

    #[test]
    fn text_is_read_as_it_is_written(shares in prop::collection::vec(0.01..10.0_f64, 1..8)) {
        let mixture = Mixture::new(&parts(&shares)).unwrap();
        let read = Mixture::parse(&mixture.to_string()).unwrap();
        for (found, expected) in read.parts().iter().zip(mixture.parts()) {
            prop_assert!(found.0 == expected.0 && (found.1 - expected.1).abs() < 1e-12);
        }
    }
}

#[test]
fn shares_that_divide_evenly_do() {
    let divide = |text: &str, count| Mixture::parse(text).unwrap().divide(count);
    // In the order of the functions: random before margin.
    assert_eq!(divide("margin=0.8,random=0.2", 10), [2, 8]);
    assert_eq!(divide("margin=0.7,random=0.3", 10), [3, 7]);
    assert_eq!(divide("margin=1,random=1,entropy=1", 10), [4, 3, 3]);
    assert_eq!(divide("margin", 7), [7]);
    assert_eq!(divide("margin=0.8,random=0.2", 0), [0, 0]);
}

#[test]
fn what_is_no_mixture_is_refused() {
    let refused = |text: &str| Mixture::parse(text).unwrap_err().to_string();
    assert_eq!(refused(""), "no acquisition function is named; write one, such as `margin`");
    assert_eq!(refused("margin=0.5,k_center=0.2,core-set=0.3"), "`core_set` is there twice; add its shares up");
    let share = "write a number above zero, such as `margin=0.8`";
    assert_eq!(refused("margin=much"), format!("`much` is no share of `margin`; {share}"));
    assert_eq!(refused("margin=0"), format!("`0` is no share of `margin`; {share}"));
    assert_eq!(refused("margin=NaN"), format!("`NaN` is no share of `margin`; {share}"));
    assert!(refused("margin=0.5;random=0.5").contains("is no share of `margin`"));
    assert!(refused("margn").contains("did you mean `margin`?"));
}
