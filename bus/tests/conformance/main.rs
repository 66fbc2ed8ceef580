//! One log, twice: every case runs against the embedded log and against a real Kafka broker.
//!
//! The names of the tests say which: `embedded::fencing::…`, `kafka::fencing::…`. In what the two logs may differ stands
//! in `world::Habits`, each with its reason; cases do not ask which log they run on. `docs/log.md` has the promises.
//!
//! One broker serves the whole binary; cases that stop it or cut its wire start their own. Every wait is bounded.
//! `TRIPLINE_SEED` repeats a run's random choices, `TRIPLINE_VOLUME` asks for more records than a million.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

mod child;
mod crashes;
mod faults;
mod fencing;
mod files;
mod groups;
mod limits;
mod member;
mod oracle;
mod order;
mod place;
mod publication;
mod reading;
mod retention;
mod roles;
mod seen;
mod tools;
mod topics;
mod volume;
mod worker;
mod world;
mod zombies;

/// The table of cases. `fn case(world: &World)` becomes one test for each log.
macro_rules! conformance {
    (
        both { $($both:ident: [$($on_both:ident),+ $(,)?])+ }
        embedded { $($own:ident: [$($on_embedded:ident),+ $(,)?])+ }
        kafka { $($wire:ident: [$($on_kafka:ident),+ $(,)?])+ }
        kafka without a world { $($fault:ident: [$($on_own_broker:ident),+ $(,)?])+ }
    ) => {
        mod embedded {
            use crate::world::{Log, check};
            $(mod $both { use super::*; $(#[test] fn $on_both() {
                check(Log::Embedded, stringify!($on_both), crate::$both::$on_both);
            })+ })+
            $(mod $own { use super::*; $(#[test] fn $on_embedded() {
                check(Log::Embedded, stringify!($on_embedded), crate::$own::$on_embedded);
            })+ })+
        }
        mod kafka {
            use crate::world::{Log, check};
            $(mod $both { use super::*; $(#[test] fn $on_both() {
                check(Log::Kafka, stringify!($on_both), crate::$both::$on_both);
            })+ })+
            $(mod $wire { use super::*; $(#[test] fn $on_kafka() {
                check(Log::Kafka, stringify!($on_kafka), crate::$wire::$on_kafka);
            })+ })+
            $(mod $fault { $(#[test] fn $on_own_broker() {
                crate::$fault::$on_own_broker();
            })+ })+
        }
    };
}

conformance! {
    both {
        order: [
            each_partition_keeps_the_order_in_which_it_was_sent_to,
            many_producers_at_once_keep_their_own_order,
            keys_land_where_the_java_client_puts_them,
            keys_of_a_publication_land_as_those_of_a_producer,
            a_row_that_names_its_partition_goes_there_whatever_its_key,
            tombstones_empty_values_keys_and_headers_come_back_as_sent,
            append_times_are_the_logs_own_and_never_go_back,
        ]
        publication: [
            rows_of_several_topics_and_offsets_become_visible_together,
            what_still_owner_refuses_leaves_nothing,
            aborted_rows_are_seen_by_no_reader_and_no_member,
            a_publisher_is_spent_after_anything_but_committed,
            a_refused_publication_is_over_at_once,
            offsets_move_without_rows_and_nothing_at_all_is_committed_too,
            one_bad_row_takes_the_whole_publication_with_it,
            an_open_publication_holds_readers_back_and_then_lets_them_go,
            a_publication_for_a_group_that_was_left_is_refused,
            a_row_of_a_producer_that_cannot_land_says_why,
        ]
        fencing: [
            the_older_of_two_publishers_of_one_instance_is_fenced,
            a_publication_is_fenced_also_when_its_rows_are_already_sent,
            publishers_of_different_instances_do_not_disturb_each_other,
            a_group_that_goes_on_between_metadata_and_offsets_fences_the_owner,
            an_owner_that_lost_its_partition_and_rejoined_is_stopped_by_its_own_check,
        ]
        groups: [
            nothing_flows_before_a_partition_is_resumed_and_then_from_the_accepted_start,
            a_paused_partition_goes_on_where_it_stopped,
            a_position_is_what_the_member_would_be_given_next,
            a_member_reads_several_topics,
            groups_do_not_see_one_another,
            more_members_than_partitions_leave_one_waiting_and_it_takes_over,
            a_member_that_leaves_frees_its_partitions_at_once,
            two_members_come_and_go_under_load_and_nothing_is_lost_or_twice,
            three_members_come_and_go_under_load_and_nothing_is_lost_or_twice,
            a_static_member_keeps_its_partitions_over_a_quick_restart,
            the_older_of_two_static_members_of_one_name_is_fenced,
            joining_for_a_topic_that_does_not_exist_says_so,
        ]
        reading: [
            a_reader_starts_at_the_earliest_at_an_offset_at_a_time_or_at_the_end,
            the_offset_of_a_time_is_the_first_record_at_or_after_it,
            an_end_is_the_one_the_partition_had_when_the_reader_was_made,
            a_follower_sees_what_comes_and_is_told_of_each_end_it_reaches,
            a_partition_full_of_aborted_rows_is_read_to_its_end,
            an_extent_runs_from_the_first_record_to_what_comes_next,
            offsets_beyond_the_end_are_refused_not_rounded,
            what_does_not_exist_is_named,
            a_batch_holds_no_more_than_was_asked_for,
            a_quiet_topic_costs_a_poll_its_wait_and_no_more,
            one_bus_serves_many_threads_at_once,
        ]
        retention: [
            what_is_too_much_is_removed_and_reported_as_gone,
            what_is_too_old_is_removed,
            a_reader_overtaken_by_retention_is_told_not_moved,
            a_member_that_starts_at_what_is_gone_is_told_not_moved,
            compaction_keeps_the_newest_of_each_key_and_its_offset,
            a_tombstone_takes_its_keys_older_values_with_it,
            a_compacted_topic_takes_no_record_without_a_key,
        ]
        limits: [
            a_record_at_the_limit_passes_and_one_byte_more_does_not,
            a_record_too_large_does_not_stop_those_around_it,
            a_publication_of_many_large_rows_is_one,
            a_small_buffer_makes_the_sender_wait_and_loses_nothing,
            a_slow_consumer_does_not_grow_memory,
        ]
        topics: [
            a_topic_is_made_as_declared,
            every_topic_of_the_table_can_be_made,
            a_topic_that_exists_is_not_made_again,
            settings_that_differ_are_told_and_mended_in_place,
            another_number_of_partitions_is_refused_with_what_to_do,
            altering_what_is_missing_says_so,
        ]
        crashes: [
            killed_at_any_step_of_a_publication_loses_and_repeats_nothing,
            killed_at_any_instant_loses_and_repeats_nothing,
        ]
        volume: [
            a_million_records_pass_through_each_once,
        ]
    }
    embedded {
        files: [
            a_second_process_is_told_who_holds_the_log,
            a_dead_owners_log_is_free_at_once,
        ]
        oracle: [
            any_sequence_of_calls_and_crashes_does_what_a_plain_list_does,
        ]
    }
    kafka {
        zombies: [
            an_owner_stopped_in_the_middle_of_a_publication_is_fenced_when_it_wakes,
            an_owner_that_slept_and_rejoined_with_fresh_metadata_is_stopped_by_its_own_check,
        ]
        tools: [
            the_java_client_librdkafka_and_we_put_each_key_in_the_same_partition,
            kcat_reads_what_was_published_and_not_what_was_aborted,
        ]
    }
    kafka without a world {
        faults: [
            a_broker_that_stops_and_dies_under_load_loses_and_repeats_nothing,
            a_broker_that_is_not_there_is_an_error_within_a_bound,
            a_broker_that_went_away_is_an_error_of_every_call_within_a_bound,
            a_broker_that_hangs_fills_the_buffer_and_the_sender_is_told,
            a_publisher_survives_a_broker_that_hangs_for_a_while,
            a_commit_whose_reply_is_lost_is_unknown_and_the_committed_offset_says_it_happened,
            a_commit_that_never_arrives_is_unknown_and_the_committed_offset_says_it_did_not_happen,
            a_commit_whose_connection_breaks_is_asked_for_again_and_happens_once,
            an_acknowledgement_that_is_lost_does_not_double_a_row,
            killed_before_and_after_every_call_of_a_publication_loses_and_repeats_nothing,
        ]
    }
}
