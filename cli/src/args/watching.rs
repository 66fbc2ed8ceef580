//! Words of `tripline subscriptions` and `tripline stats`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Order, Where};

pub(super) const SUBSCRIPTIONS_EXAMPLES: &str = "\
Examples:
  tripline subscriptions list
  tripline subscriptions add lab.json --watcher default
  tripline subscriptions remove lab";

#[derive(Debug, Subcommand)]
pub enum Subscriptions {
    /// List the subscriptions in force: those of the rule set, and those added since
    #[command(after_help = "Examples:\n  tripline subscriptions list --output json")]
    List(SubscriptionsList),
    /// Add a subscription: one JSON object with `subscription_id`, `rules`, `topic` and what else it selects by
    #[command(after_help = "\
Examples:
  tripline subscriptions add lab.json --watcher default
  echo '{\"subscription_id\":\"lab\",\"watcher\":\"default\",\"topic\":\"lab.*\",\"rules\":[\"pii_email\"]}' | tripline subscriptions add -")]
    Add(SubscriptionsAdd),
    /// Remove a subscription, whether it was added or is the rule set's
    #[command(after_help = "Examples:\n  tripline subscriptions remove lab")]
    Remove(SubscriptionsRemove),
}

#[derive(Debug, Args)]
pub struct SubscriptionsList {
    #[command(flatten)]
    pub place: Where,
}

#[derive(Debug, Args)]
pub struct SubscriptionsAdd {
    /// The file of the object; - is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The watcher whose rules it names, where the object does not say
    #[arg(long, value_name = "WATCHER")]
    pub watcher: Option<String>,
    #[command(flatten)]
    pub order: Order,
}

#[derive(Debug, Args)]
pub struct SubscriptionsRemove {
    /// The subscription's id
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub order: Order,
}

/// Show detection in numbers: alerts, what was held back and why, rules with their state
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tripline stats
  tripline stats --output json | jq .held_back")]
pub struct Stats {
    #[command(flatten)]
    pub place: Where,
}
