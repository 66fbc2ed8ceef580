//! `tripline` as people and scripts meet it: the real program, in a data directory of its own, without a broker.

#![expect(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

mod alerts;
mod api;
mod crash;
mod files;
mod help;
mod load;
mod pipeline;
mod replay;
mod risk;
mod rules;
mod send;
mod tail;
mod topologies;
mod tripline;
mod up;
