//! How many events of an endpoint a subscription lets through in each second of event time.
//!
//! A second is counted while it is the newest; an event of an earlier one is measured by the newest, so that what comes late
//! cannot open a limit anew.

use contracts::avro::EventView;

use super::clock::Moment;
use super::round::{Owner, Round};
use super::tally::{self, About};
use super::watcher::Tally;
use crate::plan::PlannedSubscription;
use crate::view::View;
use crate::view::keys::{Key, Tag};
use crate::view::value::{Reader, Writer, row};

const VERSION: u8 = 1;
const SECOND: i64 = 1_000_000;

/// Counts the event; whether it is over the rate.
pub(crate) fn is_over(
    round: &mut Round<'_, '_>,
    planned: &PlannedSubscription,
    event: &EventView<'_>,
    moment: Moment,
) -> bool {
    let subscription = &planned.subscription;
    let Some(max) = subscription.events_per_sec_max else { return false };
    let key = key(&subscription.id, round.owner);
    let second = moment.event_time.div_euclid(SECOND);
    let counted = round.view.update(&key, |bytes| {
        let mut from = Reader::new(bytes);
        from.version(VERSION)?;
        let (newest, count) = (from.time()?, from.uint()?);
        let (newest, count) = if second > newest { (second, 1) } else { (newest, count + 1) };
        Writer::over(bytes, VERSION).time(newest).uint(count);
        Ok(count)
    });
    let count = counted.unwrap_or_else(|| {
        round.view.put(
            &key,
            row(VERSION, |row| {
                row.time(second).uint(1);
            }),
        );
        1
    });
    let is_over = count > u64::from(max);
    if is_over {
        let about = About::Subscription(&subscription.id);
        tally::count(round, round.owner, Tally::SubscriptionLimited, about, event);
    }
    is_over
}

/// Forgets what an owner's events were measured by.
pub(crate) fn forget(round: &mut Round<'_, '_>, owner: Owner<'_>) {
    for planned in &round.plan.subscriptions {
        if planned.subscription.events_per_sec_max.is_some() {
            round.view.remove(&key(&planned.subscription.id, owner));
        }
    }
}

/// Forgets a subscription that is no more.
pub(crate) fn forget_subscription(view: &mut View<'_>, subscription_id: &str) {
    view.remove_prefix(Key::new(Tag::Rate).text(subscription_id));
}

fn key(subscription_id: &str, owner: Owner<'_>) -> Key {
    let mut key = Key::new(Tag::Rate);
    key.text(subscription_id).owner(owner);
    key
}
