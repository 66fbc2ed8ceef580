//! Matches, ticks and commands through everything behind the windows, each record as a batch of its own or all as one.

mod breaker;
mod commands;
mod conservation;
mod escalation;
mod holdback;
mod world;
