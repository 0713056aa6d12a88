//! Calls into sled, which panics on damaged files: a panic becomes a message, and an opening that
//! never ends is given up.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::sync::mpsc;
use std::time::Duration;

thread_local! {
    static SUPERVISED: Cell<bool> = const { Cell::new(false) };
}

/// Keeps the panics of supervised calls out of the process's standard error.
fn install_hook() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !SUPERVISED.get() {
                previous(info);
            }
        }));
    });
}

/// Runs `call`; a panic in it becomes its message.
pub fn supervised<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    install_hook();
    let outer = SUPERVISED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(call));
    SUPERVISED.set(outer);
    result.map_err(|payload| message(&*payload))
}

/// Runs `call` on a thread of its own for `limit` at most; what takes longer is left behind.
pub fn supervised_for<T: Send + 'static>(limit: Duration, call: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let run = move || drop(sender.send(supervised(call)));
    let thread = std::thread::Builder::new().name("journal-open".to_owned());
    thread.spawn(run).map_err(|error| format!("no thread for it: {error}"))?;
    receiver.recv_timeout(limit).unwrap_or_else(|_| Err(format!("it did not end within {} s", limit.as_secs())))
}

fn message(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message() {
        assert_eq!(supervised(|| 7), Ok(7));
        assert_eq!(supervised(|| -> u8 { panic!("at {}", 3) }), Err("at 3".to_owned()));
    }

    #[test]
    fn a_call_that_does_not_end_is_given_up() {
        let (keep, wait) = mpsc::channel::<()>();
        let given_up = supervised_for(Duration::ZERO, move || wait.recv().is_err());
        assert!(given_up.unwrap_err().contains("did not end"));
        drop(keep);
    }
}
