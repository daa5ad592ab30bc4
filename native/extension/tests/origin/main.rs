//! The origins, with the real SDK: against moto what they answer, against a
//! double of our own how they fail.

mod credentials;
mod faults;
mod freeze;
mod items;
mod parameters;
mod secrecy;
mod secrets;
mod support;
