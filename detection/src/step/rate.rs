//! How many events of an endpoint a subscription lets through in each second of event time.
//!
//! A second is counted while it is the newest; an event of an earlier one is measured by the newest, so that what comes late
//! cannot open a limit anew.

use contracts::avro::EventView;

use super::clock::Moment;
use super::round::Round;
use super::tally::{self, About};
use super::watcher::Tally;
use crate::plan::PlannedSubscription;
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
    let mut key = Key::new(Tag::Rate);
    key.text(&subscription.id).owner(round.owner);
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
