//! Both phases over all members. Who is gone, fails or takes too long is left out and named, and the others go on.
//!
//! ```text
//!  all members in one place ─▶ the committee as a whole is rated there, nothing is approximated
//!  else ─▶ each member's best candidates and a sample ─▶ union
//!  union ─▶ its rows of each member ─▶ committee
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures_util::future::join_all;
use hone_data::predictions::{Committee, Gathered, PredictionError, Rows, Sketch, Union, Wish};
use tonic::{Code, Status};

use super::{
    members::{Home, Member},
    pending::Fault,
    site::{List, Site, fault_of},
};
use crate::convert::status::{from_blob, status};

/// A member that is left out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Absent {
    pub member: Member,
    /// Why.
    pub because: String,
}

/// What a batch can be chosen from.
pub(crate) struct Gathering {
    pub gathered: Gathered,
    pub present: Vec<Member>,
    pub absent: Vec<Absent>,
    /// Each member was rated by itself.
    pub is_approximate: bool,
    /// Samples of the pool, as far as that is known.
    pub rows: u64,
}

/// The members that are left, and those that are not.
struct Ballot {
    present: Vec<Member>,
    absent: Vec<Absent>,
}

impl Ballot {
    fn new(site: &Site, members: Vec<Member>) -> Result<Ballot, Status> {
        let mut ballot = Ballot { present: members, absent: Vec::new() };
        ballot.part(|member| site.missing(member));
        ballot.some()?;
        Ok(ballot)
    }

    /// Leaves out those for whom there is a reason. Whether there were any.
    fn part(&mut self, why: impl Fn(&Member) -> Option<String>) -> bool {
        let before = self.present.len();
        for member in std::mem::take(&mut self.present) {
            match why(&member) {
                None => self.present.push(member),
                Some(because) => self.absent.push(Absent { member, because }),
            }
        }
        self.present.len() < before
    }

    /// Leaves out whose fault it is: the member that is named, else all that were `asked`.
    fn leave_out(&mut self, asked: &BTreeSet<u32>, fault: &Fault) {
        let named: BTreeSet<u32> =
            self.present.iter().filter(|member| member.name == fault.member).map(|member| member.trial).collect();
        let out = if named.is_empty() { asked } else { &named };
        self.part(|member| out.contains(&member.trial).then(|| fault.message.clone()));
    }

    /// # Errors
    /// Nobody is left.
    fn some(&self) -> Result<(), Status> {
        if !self.present.is_empty() {
            return Ok(());
        }
        let whys = self.absent.iter().map(|absent| format!("{}: {}", absent.member.name, absent.because));
        let message = format!("none of the {} members can be read: {}", self.absent.len(), whys.collect::<Vec<_>>().join("; "));
        let hint = "start the workers that have the files, or name other trials with `--trials`".to_owned();
        Err(status(Code::FailedPrecondition, message, Some(hint)))
    }

    fn numbers(&self) -> BTreeSet<u32> {
        self.present.iter().map(|member| member.trial).collect()
    }

    /// The place where all members are, if they are in one.
    fn only_home(&self) -> Option<Home> {
        let homes: BTreeSet<Option<Home>> = self.present.iter().map(Member::home).collect();
        if homes.len() == 1 { homes.into_iter().next().flatten() } else { None }
    }
}

/// Gathers what a batch can be chosen from.
///
/// # Errors
/// No member can be read, or the blob store fails.
pub(crate) async fn gather(site: &Site, members: Vec<Member>, wish: Wish, tell: impl Fn(String)) -> Result<Gathering, Status> {
    let excluded = site.list(wish.excluded.to_bytes()).await.map_err(|error| from_blob(&error))?;
    let (wish, mut ballot) = (Arc::new(wish), Ballot::new(site, members)?);
    let mut known: BTreeMap<u32, Vec<Sketch>> = BTreeMap::new();
    loop {
        ballot.some()?;
        let home = ballot.only_home();
        tell(reading(&ballot, home.is_some()));
        let sketches = match &home {
            Some(home) => joint(site, &mut ballot, home, &wish, &excluded).await,
            None => separate(site, &mut ballot, &mut known, &wish, &excluded).await,
        };
        let Some(sketches) = sketches else { continue };
        let Some(found) = found(&mut ballot, &sketches) else { continue };
        let ids = Arc::new(found.ids.into_iter().collect::<Vec<String>>());
        tell(format!("reading {} samples of {} members", ids.len(), ballot.present.len()));
        let Some(committee) = committee(site, &mut ballot, &ids).await? else { continue };
        let sketches = sketches.into_iter().next().map(|(_, sketches)| sketches).unwrap_or_default();
        return Ok(Gathering {
            gathered: Gathered { committee, sample: found.sample, sketches },
            is_approximate: home.is_none(),
            rows: found.rows,
            present: ballot.present,
            absent: ballot.absent,
        });
    }
}

/// Reads the predictions of given samples.
///
/// # Errors
/// No member can be read, or the blob store fails.
pub(crate) async fn rate(
    site: &Site,
    members: Vec<Member>,
    ids: Vec<String>,
    tell: impl Fn(String),
) -> Result<(Committee, Vec<Member>, Vec<Absent>), Status> {
    let (ids, mut ballot) = (Arc::new(ids), Ballot::new(site, members)?);
    loop {
        ballot.some()?;
        tell(format!("reading {} samples of {} members", ids.len(), ballot.present.len()));
        if let Some(committee) = committee(site, &mut ballot, &ids).await? {
            return Ok((committee, ballot.present, ballot.absent));
        }
    }
}

fn reading(ballot: &Ballot, together: bool) -> String {
    let members = ballot.present.len();
    let homes: BTreeSet<Option<Home>> = ballot.present.iter().map(Member::home).collect();
    match (together, members) {
        (true, 1) => "reading the predictions of 1 member".to_owned(),
        (true, _) => format!("reading the predictions of {members} members in one place"),
        (false, _) => format!("reading the predictions of {members} members in {} places", homes.len()),
    }
}

/// Sketches by the name of who made them.
type Named = Vec<(String, Vec<Sketch>)>;

/// Phase one of the whole committee where it is. `None`: somebody was left out, and it begins anew.
async fn joint(site: &Site, ballot: &mut Ballot, home: &Home, wish: &Arc<Wish>, excluded: &List) -> Option<Named> {
    let members: Vec<&Member> = ballot.present.iter().collect();
    match site.sketches(home, &members, wish, excluded).await {
        Ok(sketches) => Some(vec![("the committee".to_owned(), sketches)]),
        Err(fault) => {
            let asked = ballot.numbers();
            ballot.leave_out(&asked, &fault);
            None
        }
    }
}

/// Phase one of each member by itself, all at once. `None`: somebody was left out.
async fn separate(
    site: &Site,
    ballot: &mut Ballot,
    known: &mut BTreeMap<u32, Vec<Sketch>>,
    wish: &Arc<Wish>,
    excluded: &List,
) -> Option<Named> {
    let members: Vec<(&Member, Home)> = ballot.present.iter().filter_map(|member| Some((member, member.home()?))).collect();
    let asked = members.iter().filter(|(member, _)| !known.contains_key(&member.trial));
    let asking = asked.map(|(member, home)| async move { (member.trial, site.sketches(home, &[member], wish, excluded).await) });
    let answers = join_all(asking).await;
    let before = ballot.present.len();
    for (trial, answer) in answers {
        match answer {
            Ok(sketches) => drop(known.insert(trial, sketches)),
            Err(fault) => ballot.leave_out(&BTreeSet::from([trial]), &fault),
        }
    }
    let named = |member: &Member| Some((member.name.clone(), known.get(&member.trial)?.clone()));
    if ballot.present.len() == before { ballot.present.iter().map(named).collect() } else { None }
}

/// What sketches say together.
struct Found {
    ids: BTreeSet<String>,
    sample: Vec<String>,
    rows: u64,
}

/// Puts sketches together, function by function. `None`: a member predicts something else, and was left out.
fn found(ballot: &mut Ballot, sketches: &Named) -> Option<Found> {
    let mut found = Found { ids: BTreeSet::new(), sample: Vec::new(), rows: 0 };
    let functions = sketches.iter().map(|(_, sketches)| sketches.len()).max().unwrap_or(0);
    for function in 0..functions {
        let of_function: Vec<(String, Sketch)> =
            sketches.iter().filter_map(|(name, sketches)| Some((name.clone(), sketches.get(function)?.clone()))).collect();
        match Union::of(&of_function) {
            Ok(union) => {
                found.ids.extend(union.ids());
                found.rows = found.rows.max(union.rows);
                if function == 0 {
                    found.sample = union.sample;
                }
            }
            Err(error) => {
                blame(ballot, &error);
                return None;
            }
        }
    }
    Some(found)
}

/// Phase two. `None`: somebody was left out.
async fn committee(site: &Site, ballot: &mut Ballot, ids: &Arc<Vec<String>>) -> Result<Option<Committee>, Status> {
    let text: Vec<u8> = ids.iter().flat_map(|id| [id.as_bytes(), b"\n"].concat()).collect();
    let list = site.list(text).await.map_err(|error| from_blob(&error))?;
    let members = ballot.present.iter().filter_map(|member| Some((member, member.home()?)));
    let list = &list;
    let asking = members.map(|(member, home)| async move { (member.trial, site.rows(&home, member, ids, list).await) });
    let answers = join_all(asking).await;
    let mut read: Vec<(String, Rows)> = Vec::new();
    let before = ballot.present.len();
    for (trial, answer) in answers {
        let name = ballot.present.iter().find(|member| member.trial == trial).map(|member| member.name.clone());
        match answer {
            Ok(rows) => read.extend(name.map(|name| (name, rows))),
            Err(fault) => ballot.leave_out(&BTreeSet::from([trial]), &fault),
        }
    }
    if ballot.present.len() < before {
        return Ok(None);
    }
    let gone = ballot.absent.iter().map(|absent| (absent.member.name.clone(), None));
    let all = read.into_iter().map(|(name, rows)| (name, Some(rows))).chain(gone).collect();
    match Committee::of_present(ids, all) {
        Ok(committee) => Ok(Some(committee)),
        Err(error) => {
            blame(ballot, &error);
            Ok(None)
        }
    }
}

/// Leaves out whom an error names, else all.
fn blame(ballot: &mut Ballot, error: &PredictionError) {
    let all = ballot.numbers();
    ballot.leave_out(&all, &fault_of(error));
}
