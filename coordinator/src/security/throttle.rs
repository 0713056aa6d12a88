//! Slows down guessing: after some failures within a minute, an address is not listened to until the minute is over.
//!
//! Tokens have 130 bits and more, so this protects logs and processors rather than tokens.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
};

use hone_studies::{Micros, SECOND};

/// Failures that an address may have in one window.
const MAX_FAILURES: u32 = 5;
const WINDOW: Micros = 60 * SECOND;
/// Addresses remembered at once; the oldest are forgotten first.
const MAX_ADDRESSES: usize = 10_000;

/// Recent failures by address.
#[derive(Debug, Default)]
pub struct Throttle {
    failures: Mutex<BTreeMap<IpAddr, Failures>>,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    since: Micros,
    count: u32,
}

impl Throttle {
    /// Whether nothing is to be heard from this address now. `now` is on any clock that does not go back.
    pub fn is_closed(&self, address: IpAddr, now: Micros) -> bool {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.get(&subject(address)).is_some_and(|known| known.count >= MAX_FAILURES && now - known.since < WINDOW)
    }

    /// Notes a wrong credential.
    pub fn failed(&self, address: IpAddr, now: Micros) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= MAX_ADDRESSES {
            make_room(&mut failures, now);
        }
        let known = failures.entry(subject(address)).or_insert(Failures { since: now, count: 0 });
        if now - known.since >= WINDOW {
            *known = Failures { since: now, count: 0 };
        }
        known.count += 1;
    }
}

fn make_room(failures: &mut BTreeMap<IpAddr, Failures>, now: Micros) {
    failures.retain(|_, known| now - known.since < WINDOW);
    while failures.len() >= MAX_ADDRESSES {
        let Some(oldest) = failures.iter().min_by_key(|(_, known)| known.since).map(|(address, _)| *address) else { return };
        failures.remove(&oldest);
    }
}

/// One host has a whole /64 of IPv6 addresses.
fn subject(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn five_failures_close_an_address_for_the_rest_of_the_minute() {
        let throttle = Throttle::default();
        for _ in 0..4 {
            throttle.failed(address("192.0.2.1"), 10);
        }
        assert!(!throttle.is_closed(address("192.0.2.1"), 11));
        throttle.failed(address("192.0.2.1"), 12);
        assert!(throttle.is_closed(address("192.0.2.1"), 13));
        assert!(throttle.is_closed(address("::ffff:192.0.2.1"), 13));
        assert!(!throttle.is_closed(address("192.0.2.2"), 13));
        assert!(!throttle.is_closed(address("192.0.2.1"), 10 + WINDOW));
    }

    #[test]
    fn addresses_of_one_network_are_one() {
        let throttle = Throttle::default();
        for last in 0..5 {
            throttle.failed(address(&format!("2001:db8::{last}")), 0);
        }
        assert!(throttle.is_closed(address("2001:db8::ffff"), 1));
        assert!(!throttle.is_closed(address("2001:db8:0:1::1"), 1));
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::default();
        for number in 0..MAX_ADDRESSES as u32 + 50 {
            throttle.failed(IpAddr::from(number.to_be_bytes()), i64::from(number));
        }
        assert_eq!(throttle.failures.lock().unwrap().len(), MAX_ADDRESSES);
    }
}
