//! Real processes of `hone`: what a user types, and what can go wrong while it runs. See `docs/testing.md`.

mod after_search;
mod bad_disk;
mod bad_files;
mod bad_places;
mod bad_store;
mod bad_trials;
mod clients;
mod clock;
mod commands_fleet;
mod commands_store;
mod commands_study;
mod commands_trial;
mod crash;
mod datasets;
mod examples;
mod labels;
mod outage;
mod page;
mod pausing;
mod remote;
mod replay;
mod rules;
mod sim;
mod structure;
mod support;
mod warm_start;
