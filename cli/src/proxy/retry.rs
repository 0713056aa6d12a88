//! Which answers the caller gets, and which mean that the coordinator is away for a while.

use std::time::Duration;

use tonic::Code;

/// How long the first pause is; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest: a coordinator that is back is found within it.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What came of one try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No answer, or half of one: the connection could not be made, or broke.
    Broken,
    /// An answer. `may_pass`: the coordinator says that it is worth waiting.
    Answered { code: Code, may_pass: bool },
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The caller gets the answer.
    Deliver,
    /// The same again, after a pause.
    Again,
    /// The same again if there are other credentials by now.
    Identify,
    /// An earlier try has done it already: there is nothing left to delete.
    Done,
}

/// Decides about a try of `method`, the first of which has number 0.
pub fn verdict(method: &str, number: u32, outcome: Outcome) -> Verdict {
    match outcome {
        Outcome::Broken | Outcome::Answered { code: Code::Unavailable, .. } => Verdict::Again,
        Outcome::Answered { code: Code::ResourceExhausted, may_pass: true } => Verdict::Again,
        Outcome::Answered { code: Code::Unauthenticated, .. } => Verdict::Identify,
        Outcome::Answered { code: Code::NotFound, .. } if method == "DeleteStudy" && number > 0 => Verdict::Done,
        Outcome::Answered { .. } => Verdict::Deliver,
    }
}

/// How long to wait after a try.
pub fn pause(number: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1_u32.checked_shl(number).unwrap_or(u32::MAX)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(code: Code) -> Outcome {
        Outcome::Answered { code, may_pass: false }
    }

    #[test]
    fn what_passes_by_itself_is_tried_again() {
        for outcome in
            [Outcome::Broken, answered(Code::Unavailable), Outcome::Answered { code: Code::ResourceExhausted, may_pass: true }]
        {
            assert_eq!(verdict("CreateNewTrial", 0, outcome), Verdict::Again, "{outcome:?}");
        }
    }

    #[test]
    fn what_the_coordinator_has_decided_is_delivered() {
        for code in [
            Code::Ok,
            Code::NotFound,
            Code::AlreadyExists,
            Code::FailedPrecondition,
            Code::InvalidArgument,
            // The budget is used up.
            Code::ResourceExhausted,
            Code::PermissionDenied,
            Code::Unimplemented,
            Code::Internal,
        ] {
            assert_eq!(verdict("CreateNewTrial", 3, answered(code)), Verdict::Deliver, "{code:?}");
        }
        assert_eq!(verdict("GetTrial", 0, answered(Code::Unauthenticated)), Verdict::Identify);
    }

    #[test]
    fn a_study_that_an_earlier_try_has_deleted_is_deleted() {
        assert_eq!(verdict("DeleteStudy", 0, answered(Code::NotFound)), Verdict::Deliver);
        assert_eq!(verdict("DeleteStudy", 1, answered(Code::NotFound)), Verdict::Done);
        assert_eq!(verdict("GetTrials", 1, answered(Code::NotFound)), Verdict::Deliver);
    }

    #[test]
    fn pauses_grow_to_a_second() {
        let pauses = [0, 1, 2, 3, 4, 5, 31, 32, u32::MAX].map(|number| pause(number).as_millis());
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1_000, 1_000, 1_000, 1_000]);
    }
}
