//! Errors keep their code and their way out.

use hone_studies::{StudyId, TaskId};

use super::*;

#[test]
fn refusals_of_the_core_have_the_agreed_codes() {
    let text = String::new;
    let cases = [
        (Reject::NoSuchStudy(StudyId(1)), Code::NotFound),
        (Reject::NoSuchTrial(TaskId(1)), Code::NotFound),
        (Reject::StudyExists { name: text(), study: StudyId(1) }, Code::AlreadyExists),
        (Reject::WrongStudyState { state: text(), action: "", hint: text() }, Code::FailedPrecondition),
        (Reject::BadParameters(text()), Code::InvalidArgument),
        (Reject::WarmStart(Vec::new()), Code::InvalidArgument),
        (Reject::BudgetUsed { max_trials: 3 }, Code::FailedPrecondition),
        (Reject::OldStream(hone_studies::WorkerId(1)), Code::Aborted),
        (Reject::StaleProposal { first_number: 0 }, Code::Aborted),
    ];
    for (reject, code) in cases {
        assert_eq!(from_reject(&reject).code(), code, "{reject:?}");
    }
}

#[test]
fn the_way_out_stands_on_its_own_line() {
    let state = "finished".to_owned();
    let status = from_reject(&Reject::WrongStudyState { state, action: "pausing", hint: "resume it".to_owned() });
    assert_eq!(status.message(), "the study is finished: pausing is not possible\nhint: resume it");
    let full = JournalError::Full { path: "/data".into(), detail: "quota".to_owned() };
    let status = from_journal(&full);
    assert_eq!(status.code(), Code::ResourceExhausted);
    let (what, hint) = status.message().split_once(HINT).unwrap();
    assert!(what.contains("no space left") && hint.starts_with("free some space"), "{status:?}");
}

#[test]
fn damage_is_data_loss_and_a_lost_disk_is_unavailable() {
    let corrupt = JournalError::Corrupt { file: "j".into(), sequence: 5, last_good: 4, detail: "crc".to_owned() };
    assert_eq!(from_journal(&corrupt).code(), Code::DataLoss);
    let failed = JournalError::SyncFailed { path: "j".into(), detail: "io".to_owned() };
    assert_eq!(from_journal(&failed).code(), Code::Unavailable);
}

#[test]
fn a_long_message_fits_into_a_header() {
    let status = status(Code::InvalidArgument, "ä".repeat(100_000), Some("shorter".to_owned()));
    assert!(status.message().len() < 4_200 && status.message().ends_with("hint: shorter"));
}

#[test]
fn every_mistake_of_a_file_is_told_with_its_place() {
    let text = "name = 3\n[space]\n";
    let mistakes = hone_studies::file::parse(text, "study.toml").unwrap_err();
    let status = from_diagnostics(&mistakes, text);
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().starts_with("study.toml:1:") && status.message().contains(HINT), "{status:?}");
}
