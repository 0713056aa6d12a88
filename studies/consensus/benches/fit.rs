//! Prints how long estimates take as answers grow, fitted and followed one by one.
//!
//! `cargo bench -p hone-consensus`

use std::hint::black_box;
use std::time::Instant;

use hone_consensus::agreement::{Level, alpha};
use hone_consensus::dawid_skene::{DawidSkene, Model, Online};
use hone_consensus::{Answer, Answers};

/// Items of each row of the table.
const ITEMS: [u32; 3] = [10_000, 100_000, 1_000_000];
const OVERLAP: u32 = 3;
const ANNOTATORS: u32 = 100;
const CLASSES: u32 = 10;
/// Right answers among 10.
const RIGHT: u64 = 8;

/// A number that depends on all of its bits (Steele, Lea and Flood 2014).
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

fn made(items: u32) -> Vec<Answer> {
    let pairs = (0..items).flat_map(|item| (0..OVERLAP).map(move |turn| (item, turn)));
    let answer = |(item, turn): (u32, u32)| {
        let luck = mix(u64::from(item) << 8 | u64::from(turn));
        let right = (mix(u64::from(item)) % u64::from(CLASSES)) as u32;
        let class = if luck % 10 < RIGHT { right } else { (luck >> 32) as u32 % CLASSES };
        Answer { item, annotator: (item * 7 + turn * 31) % ANNOTATORS, class }
    };
    pairs.map(answer).collect()
}

fn seconds<T>(run: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let result = black_box(run());
    (start.elapsed().as_secs_f64(), result)
}

fn main() {
    println!("{ANNOTATORS} annotators, {CLASSES} classes, {OVERLAP} answers to each item; seconds, and iterations\n");
    println!("| answers | one coin | matrices | chosen by the data | one by one, µs per answer | alpha |");
    println!("|---:|---:|---:|---:|---:|---:|");
    for items in ITEMS {
        let list = made(items);
        let answers = Answers::new(items, ANNOTATORS, CLASSES, list.clone()).expect("answers");
        let fit = |model| {
            let settings = DawidSkene { model, ..DawidSkene::default() };
            let (taken, fit) = seconds(|| settings.fit(&answers, &[]).expect("a fit"));
            format!("{taken:.2} ({})", fit.iterations)
        };
        let (coins, matrices, chosen) = (fit(Model::OneCoin), fit(Model::Full), fit(Model::Auto));
        let mut online = Online::new(&DawidSkene::default(), CLASSES).expect("settings");
        let (followed, ()) = seconds(|| {
            for &answer in &list {
                online.add(answer).expect("an answer");
            }
        });
        let (agreed, _) = seconds(|| alpha(&answers.units(), Level::Nominal));
        let each_us = 1e6 * followed / list.len() as f64;
        println!("| {} | {coins} | {matrices} | {chosen} | {each_us:.2} | {agreed:.2} |", list.len());
    }
}
