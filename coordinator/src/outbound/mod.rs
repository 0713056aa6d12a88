//! HTTP to servers of others: addresses without secrets, and one pool of connections to each server.
//!
//! What an answer means is for whoever calls: nothing here knows MLflow or Label Studio.

mod address;
mod client;

pub(crate) use self::{
    address::{AddressError, parse_address},
    client::{Answer, Away, Client, Payload, first_line},
};
