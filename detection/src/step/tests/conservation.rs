//! Nothing is ever dropped without a number, whatever comes in whatever order.

use contracts::records::ControlCommandType;
use proptest::prelude::*;

use super::holdback::conserved;
use super::world::{Feed, World, rule};
use crate::limits::Limits;
use crate::rule::{Rule, Storm};

/// Rules with every kind of holdback, alone and together.
fn rules() -> Vec<Rule> {
    let mut deduped = rule("deduped");
    deduped.holdback.dedup_window_ms = 20_000;
    let mut stormy = rule("stormy");
    stormy.holdback.storm = Some(Storm { alerts_max: 2, window_ms: 30_000 });
    let mut all = rule("all");
    all.holdback.dedup_window_ms = 5_000;
    all.holdback.suppression_window_ms = Some(7_000);
    all.holdback.storm = Some(Storm { alerts_max: 3, window_ms: 60_000 });
    vec![deduped, stormy, all]
}

fn world() -> World {
    let limits = Limits {
        breaker_failures_max: 4,
        breaker_trial_max: 2,
        dedup_entries_max: 3,
        deadlines_per_record_max: 3,
        duplicate_window_ms: 40_000,
        ..Limits::default()
    };
    World::with(rules(), limits)
}

fn feed() -> impl Strategy<Value = (i64, Feed)> {
    let endpoint = prop::sample::select(vec!["host", "other"]);
    let group = prop::sample::select(vec!["[]", r#"["g"]"#]);
    let matched = (0..3_usize, endpoint, group, 0..12_u32, 0..6_u32, -40..3_i64).prop_map(
        |(rule, endpoint, group, id, what, ahead)| Feed::Match {
            at: 0,
            observed: ahead,
            rule,
            endpoint,
            group,
            id: format!("event-{id}"),
            what: what.to_string(),
        },
    );
    let mute = (0..3_usize, 0..40_i64).prop_map(|(rule, until)| Feed::Command {
        at: until,
        id: "",
        kind: ControlCommandType::Mute,
        parameters: rules()[rule].id.to_string(),
    });
    let resolve = Just(Feed::Command { at: 0, id: "", kind: ControlCommandType::Resolve, parameters: String::new() });
    let other = prop_oneof![
        Just(Feed::Tick { at: 0 }),
        Just(Feed::Event { at: 0 }),
        (0..3_usize).prop_map(|rule| Feed::OverBudget { at: 0, rule }),
    ];
    let what = prop_oneof![8 => matched, 2 => other, 1 => mute, 1 => resolve];
    (prop_oneof![5 => 0..3_i64, 1 => 3..90_i64], what)
}

/// Puts times and names in that depend on what came before.
fn placed(world: &World, now: i64, place: usize, feed: Feed) -> Feed {
    let id: &'static str = Box::leak(format!("command-{place}").into_boxed_str());
    match feed {
        Feed::Match { observed, rule, endpoint, group, id, what, .. } => {
            Feed::Match { at: now, observed: now + observed, rule, endpoint, group, id, what }
        }
        Feed::Event { .. } => Feed::Event { at: now },
        Feed::OverBudget { rule, .. } => Feed::OverBudget { at: now, rule },
        Feed::Tick { .. } => Feed::Tick { at: now },
        Feed::Command { at: until, kind: ControlCommandType::Mute, parameters, .. } => {
            let until = (super::world::START + (now + until) * super::world::SECOND).to_string();
            let parameters = format!(r#"{{"rule_id":"{parameters}","until":{until}}}"#);
            Feed::Command { at: now, id, kind: ControlCommandType::Mute, parameters }
        }
        Feed::Command { kind, .. } => {
            let parameters =
                super::world::alerts(&world.rows).last().map_or("{}".to_owned(), |alert| super::commands::about(alert));
            Feed::Command { at: now, id, kind, parameters }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn matches_are_alerts_or_told_or_still_held_after_every_record(feeds in prop::collection::vec(feed(), 0..80)) {
        let mut world = world();
        let mut records = Vec::new();
        let mut now = 0;
        for (place, (after, feed)) in feeds.into_iter().enumerate() {
            now += after;
            let feed = placed(&world, now, place, feed);
            world.feed(&feed);
            conserved(&world);
            records.push(feed);
        }
        // Once all is silent, ticks tell the rest.
        for later in 1..=40 {
            let tick = Feed::Tick { at: now + later * 100_000 };
            world.feed(&tick);
            records.push(tick);
        }
        prop_assert_eq!(world.still_held(), 0);
        conserved(&world);

        // All of it in one batch gives the same rows and the same state: nothing depends on where a batch ends.
        let mut whole = self::world();
        whole.feed_all(&records);
        prop_assert_eq!(&whole.rows, &world.rows);
        prop_assert_eq!(&whole.store, &world.store);
        prop_assert_eq!(whole.counts, world.counts);
    }

    #[test]
    fn ticks_change_no_alert(
        feeds in prop::collection::vec(feed(), 0..60),
        ticks in prop::collection::vec(any::<bool>(), 60),
    ) {
        let (mut with, mut without) = (world(), world());
        let mut now = 0;
        for (place, (after, feed)) in feeds.into_iter().enumerate() {
            now += after;
            if matches!(feed, Feed::Tick { .. } | Feed::Command { .. }) {
                continue;
            }
            let feed = placed(&without, now, place, feed);
            if ticks[place] {
                with.tick(now);
            }
            with.feed(&feed);
            without.feed(&feed);
        }
        let alerts = |world: &World| super::world::alerts(&world.rows).into_iter().cloned().collect::<Vec<_>>();
        prop_assert_eq!(alerts(&with), alerts(&without));
    }
}
