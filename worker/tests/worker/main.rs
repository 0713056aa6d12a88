//! The worker as a whole: real processes, and a coordinator that says what a test wants it to say.

mod bench;
mod ends;
mod files;
mod helpers;
mod sessions;
mod strays;
