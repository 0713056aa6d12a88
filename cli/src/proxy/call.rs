//! What a call says about trials: the little that has to be known to keep them alive.

use hone_proto::optuna::{
    CreateNewTrialReply, CreateNewTrialRequest, GetTrialRequest, SetTrialStateValuesReply, SetTrialStateValuesRequest, TrialState,
};
use hone_studies::TaskId;
use prost::Message;

/// What precedes a message: whether it is compressed, and its length in four bytes.
const PREFIX_BYTES: usize = 5;

/// What an answered call means for a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// None is concerned.
    Nothing,
    /// The caller runs it from now on.
    Begun(TaskId),
    /// The caller has to do with it.
    Written(TaskId),
    /// It has ended, or waits for anybody.
    Over(TaskId),
}

/// The last part of a path: `GetTrial` of `/optuna.StorageService/GetTrial`.
pub fn method(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// Whether a call of that name changes anything.
pub fn changes(method: &str) -> bool {
    !method.starts_with("Get")
}

/// Reads a call that was answered without an error.
pub fn meaning(method: &str, request: &[u8], reply: &[u8]) -> Meaning {
    read(method, request, reply).unwrap_or(Meaning::Nothing)
}

fn read(method: &str, request: &[u8], reply: &[u8]) -> Option<Meaning> {
    match method {
        "CreateNewTrial" => {
            let CreateNewTrialRequest { template_trial, template_trial_is_none, .. } = message(request)?;
            let template = template_trial.filter(|_| !template_trial_is_none);
            let runs = template.is_none_or(|template| template.state() == TrialState::Running);
            let CreateNewTrialReply { trial_id } = message(reply)?;
            Some(if runs { Meaning::Begun(id(trial_id)?) } else { Meaning::Nothing })
        }
        "SetTrialStateValues" => {
            let request: SetTrialStateValuesRequest = message(request)?;
            let SetTrialStateValuesReply { trial_updated } = message(reply)?;
            let trial = id(request.trial_id)?;
            Some(match (request.state(), trial_updated) {
                (TrialState::Running, true) => Meaning::Begun(trial),
                (TrialState::Running, false) => Meaning::Nothing,
                (TrialState::Waiting | TrialState::Complete | TrialState::Pruned | TrialState::Fail, _) => Meaning::Over(trial),
            })
        }
        "SetTrialParameter" | "SetTrialIntermediateValue" | "SetTrialUserAttribute" | "SetTrialSystemAttribute" => {
            // Each begins with the trial's id, and so is one of these with fields that it does not know.
            let GetTrialRequest { trial_id } = message(request)?;
            Some(Meaning::Written(id(trial_id)?))
        }
        _ => None,
    }
}

fn message<T: Message + Default>(body: &[u8]) -> Option<T> {
    let (prefix, message) = body.split_at_checked(PREFIX_BYTES)?;
    // No compression was agreed on, so a compressed message is refused by the coordinator.
    (prefix[0] == 0).then(|| T::decode(message).ok()).flatten()
}

fn id(trial: i64) -> Option<TaskId> {
    u64::try_from(trial).ok().map(TaskId)
}

#[cfg(test)]
mod tests {
    use hone_proto::optuna::{SetTrialParameterRequest, SetTrialUserAttributeRequest, Trial};

    use super::*;

    fn framed(message: &impl Message) -> Vec<u8> {
        let bytes = message.encode_to_vec();
        let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        [&[0][..], &length, &bytes].concat()
    }

    fn created(template: Option<TrialState>) -> Meaning {
        let trial = template.map(|state| Trial { state: state.into(), ..Trial::default() });
        // Optuna sends an empty template where there is none.
        let template_trial = Some(trial.clone().unwrap_or_default());
        let request = CreateNewTrialRequest { study_id: 1, template_trial, template_trial_is_none: trial.is_none() };
        meaning("CreateNewTrial", &framed(&request), &framed(&CreateNewTrialReply { trial_id: 7 }))
    }

    fn set(state: TrialState, trial_updated: bool) -> Meaning {
        let request = SetTrialStateValuesRequest { trial_id: 7, state: state.into(), values: vec![1.0] };
        meaning("SetTrialStateValues", &framed(&request), &framed(&SetTrialStateValuesReply { trial_updated }))
    }

    #[test]
    fn a_new_trial_is_its_makers_unless_it_waits_or_has_ended() {
        assert_eq!(created(None), Meaning::Begun(TaskId(7)));
        assert_eq!(created(Some(TrialState::Running)), Meaning::Begun(TaskId(7)));
        assert_eq!(created(Some(TrialState::Waiting)), Meaning::Nothing);
        assert_eq!(created(Some(TrialState::Complete)), Meaning::Nothing);
    }

    #[test]
    fn a_trial_is_its_takers_if_it_was_taken_and_nobodys_when_it_is_over() {
        assert_eq!(set(TrialState::Running, true), Meaning::Begun(TaskId(7)));
        assert_eq!(set(TrialState::Running, false), Meaning::Nothing);
        for state in [TrialState::Waiting, TrialState::Complete, TrialState::Pruned, TrialState::Fail] {
            assert_eq!(set(state, true), Meaning::Over(TaskId(7)));
        }
    }

    #[test]
    fn whoever_writes_has_to_do_with_the_trial() {
        let parameter = SetTrialParameterRequest {
            trial_id: 7,
            param_name: "x".into(),
            param_value_internal: 0.5,
            distribution: "{}".into(),
        };
        assert_eq!(meaning("SetTrialParameter", &framed(&parameter), &framed(&())), Meaning::Written(TaskId(7)));
        let attribute = SetTrialUserAttributeRequest { trial_id: 7, key: "k".into(), value: "1".into() };
        assert_eq!(meaning("SetTrialUserAttribute", &framed(&attribute), &framed(&())), Meaning::Written(TaskId(7)));
        assert_eq!(meaning("GetTrial", &framed(&GetTrialRequest { trial_id: 7 }), &framed(&())), Meaning::Nothing);
    }

    #[test]
    fn what_cannot_be_read_means_nothing() {
        for body in [&b""[..], b"\0\0\0", b"\x01\0\0\0\x02\x08\x07", b"\0\0\0\0\x02\xff\xff"] {
            assert_eq!(meaning("SetTrialParameter", body, body), Meaning::Nothing, "{body:?}");
        }
    }

    #[test]
    fn only_what_reads_goes_without_a_request_id() {
        assert!(!changes(method("/optuna.StorageService/GetTrials")));
        assert!(
            changes(method("/optuna.StorageService/CreateNewTrial")) && changes(method("/optuna.StorageService/DeleteStudy"))
        );
    }
}
