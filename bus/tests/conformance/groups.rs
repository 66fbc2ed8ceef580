//! Members of a group: who owns what, from where it is read, and what happens when members come and go.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bus::{BusError, MemberSettings, Offset, Partition, Polled};

use crate::member::{Taker, joined, settings};
use crate::seen::{eventually, instance_of, keyed, numbered, send, send_texts, settled_topic, texts};
use crate::worker::{Job, Running};
use crate::world::{PATIENCE, World};

pub fn nothing_flows_before_a_partition_is_resumed_and_then_from_the_accepted_start(world: &World) {
    let bus = world.bus();
    let topic = world.topic("in", 1);
    let partition = Partition::new(&topic, 0);
    send_texts(bus, &topic, 0, &numbered("n", 20));
    let mut member = bus.join(&settings(&world.name("group"), &instance_of(&world.name("m")), &topic)).unwrap();
    let mut taker = bus::Batch::default();
    let limit = bus::BatchLimit { wait: Duration::from_millis(100), ..bus::BatchLimit::default() };
    let assigned = eventually("an assignment", || match member.poll(&mut taker, &limit).unwrap() {
        Polled::Assigned(partitions) if partitions.is_empty() => None,
        Polled::Assigned(partitions) => Some(partitions),
        Polled::Batch => {
            assert!(taker.is_empty(), "records before any partition was assigned");
            None
        }
        other => panic!("{other:?}"),
    });
    assert_eq!(assigned, std::slice::from_ref(&partition));
    member.accept(&[(partition.clone(), Offset(12))]).unwrap();
    for _ in 0..10 {
        assert_eq!(member.poll(&mut taker, &limit).unwrap(), Polled::Batch);
        assert!(taker.is_empty(), "a partition that was not resumed must not flow");
    }
    assert_eq!(member.position(&partition).unwrap(), Offset(12), "the position of a partition that has not flowed yet");
    member.resume(&assigned).unwrap();
    let mut seen = Vec::new();
    let end = Instant::now() + PATIENCE;
    while seen.len() < 8 {
        assert_eq!(member.poll(&mut taker, &limit).unwrap(), Polled::Batch);
        seen.extend(taker.records().map(|record| record.offset));
        assert!(Instant::now() < end, "{seen:?}");
    }
    assert_eq!(seen, (12..20).map(Offset).collect::<Vec<_>>());
    assert_eq!(member.position(&partition).unwrap(), Offset(20));
    member.close().unwrap();
}

pub fn a_paused_partition_goes_on_where_it_stopped(world: &World) {
    let bus = world.bus();
    let topic = world.topic("in", 2);
    let mut member = joined(world, &world.name("group"), &instance_of(&world.name("m")), &topic, 2);
    member.limit.records_max = 3;
    let paused = [Partition::new(&topic, 0)];
    send_texts(bus, &topic, 0, &numbered("a", 30));
    let mut seen = member.take_at_least(4);
    for round in 0..4 {
        member.member.pause(&paused).unwrap();
        let other = numbered(&format!("b{round}"), 5);
        send_texts(bus, &topic, 1, &other);
        assert_eq!(texts(&member.take(5)), other, "the paused partition must be silent, the other must not");
        member.member.resume(&paused).unwrap();
        seen.extend(member.take_at_least(4));
    }
    while seen.len() < 30 {
        seen.extend(member.take_at_least(1));
    }
    assert_eq!(texts(&seen), numbered("a", 30), "nothing skipped, nothing twice");
    member.close().unwrap();
}

pub fn a_position_is_what_the_member_would_be_given_next(world: &World) {
    let bus = world.bus();
    let topic = world.topic("in", 1);
    let partition = Partition::new(&topic, 0);
    send_texts(bus, &topic, 0, &numbered("n", 10));
    let mut member = joined(world, &world.name("group"), &instance_of(&world.name("m")), &topic, 1);
    member.limit.records_max = 3;
    let mut next = 0;
    while next < 10 {
        assert_eq!(member.member.position(&partition).unwrap(), Offset(next));
        next += member.turn().len() as u64;
    }
    assert_eq!(member.member.position(&partition).unwrap(), Offset(10));
    member.close().unwrap();
}

pub fn a_member_reads_several_topics(world: &World) {
    let bus = world.bus();
    let names = [world.topic("one", 2), world.topic("two", 1)];
    let settings =
        MemberSettings { topics: names.to_vec(), ..settings(&world.name("group"), &instance_of(&world.name("m")), "") };
    let mut member = Taker::join(world, &settings);
    member.until_owning(3);
    send_texts(bus, &names[0], 1, &numbered("one", 2));
    send_texts(bus, &names[1], 0, &numbered("two", 2));
    let mut seen = texts(&member.take(4));
    seen.sort();
    assert_eq!(seen, ["one-0", "one-1", "two-0", "two-1"]);
    member.close().unwrap();
}

pub fn groups_do_not_see_one_another(world: &World) {
    let bus = world.bus();
    let topic = world.topic("in", 1);
    let [mut one, mut two] =
        ["one", "two"].map(|name| joined(world, &world.name(name), &instance_of(&world.name("m")), &topic, 1));
    let values = numbered("n", 10);
    send_texts(bus, &topic, 0, &values);
    assert_eq!(texts(&one.take(10)), values);
    assert_eq!(texts(&two.take(10)), values);
    one.close().unwrap();
    two.close().unwrap();
}

pub fn more_members_than_partitions_leave_one_waiting_and_it_takes_over(world: &World) {
    let topic = world.topic("in", 1);
    let group = world.name("group");
    let mut owner = joined(world, &group, &instance_of(&world.name("m")), &topic, 1);
    let mut waiting = Taker::join(world, &settings(&group, &instance_of(&world.name("m")), &topic));
    // The group has taken the second member in when the two have turned for a while and every partition has one owner.
    let settled = Instant::now() + world.habits.news_within.min(Duration::from_secs(4));
    while Instant::now() < settled || owner.owned.len() + waiting.owned.len() != 1 {
        owner.turn();
        waiting.turn();
        assert!(owner.owned.is_disjoint(&waiting.owned), "two owners of one partition");
    }
    let (leaver, mut heir) = if owner.owned.is_empty() { (waiting, owner) } else { (owner, waiting) };
    leaver.close().unwrap();
    heir.until_owning(1);
    heir.close().unwrap();
}

pub fn a_member_that_leaves_frees_its_partitions_at_once(world: &World) {
    let topic = world.topic("in", 4);
    let group = world.name("group");
    let mut one = joined(world, &group, &instance_of(&world.name("m")), &topic, 4);
    let mut two = Taker::join(world, &settings(&group, &instance_of(&world.name("m")), &topic));
    let end = Instant::now() + PATIENCE;
    while (one.owned.len(), two.owned.len()) != (2, 2) {
        one.turn();
        two.turn();
        assert!(one.owned.is_disjoint(&two.owned), "two owners: {:?} {:?}", one.owned, two.owned);
        assert!(Instant::now() < end, "{:?} {:?}", one.owned, two.owned);
    }
    let kept = two.owned.clone();
    let (released, news) = (Instant::now(), two.news.len());
    one.close().unwrap();
    two.until_owning(4);
    let took = released.elapsed();
    assert!(took < world.habits.news_within, "{took:?}");
    let since: Vec<_> = two.news[news..].iter().filter(|polled| !matches!(polled, Polled::Assigned(_))).collect();
    assert!(since.is_empty(), "what a member has it keeps while it gets more: {since:?}, it had {kept:?}");
    two.close().unwrap();
}

pub fn two_members_come_and_go_under_load_and_nothing_is_lost_or_twice(world: &World) {
    churn(world, 2);
}

pub fn three_members_come_and_go_under_load_and_nothing_is_lost_or_twice(world: &World) {
    churn(world, 3);
}

/// Members join and leave while records come; each record is copied in a publication with its offset.
fn churn(world: &World, members: usize) {
    let (input, output) = (world.topic("in", 6), world.topic("out", 3));
    let group = world.name("group");
    let mut chance = world.chance();
    let job = |number: usize| Job::new(&group, &format!("{group}-{number}"), &input, &output);
    let mut running: Vec<Running> = Vec::new();
    let mut sent = Vec::new();
    let mut copied = 0;
    for round in 0..members * 3 {
        // Never without a member: the load would go on with nobody to copy it.
        if running.len() < members && (running.len() < 2 || chance.below(2) == 0) {
            running.push(Running::start(world.another_bus(), job(round)));
        } else {
            let at = usize::try_from(chance.below(running.len() as u64)).unwrap();
            copied += running.remove(at).leave();
        }
        let values = numbered(&format!("r{round}"), 400);
        let keys: Vec<String> = (0..400).map(|_| format!("key-{}", chance.below(50))).collect();
        let rows: Vec<_> = keys.iter().zip(&values).map(|(key, value)| keyed(&input, key, value)).collect();
        send(world.bus(), &rows);
        sent.extend(values);
        wait_for_half(world, &output, 3, sent.len());
    }
    copied_exactly(world, &group, &input, 6, &output, 3, &sent);
    copied += running.into_iter().map(Running::leave).sum::<usize>();
    assert_eq!(copied, sent.len(), "every member counted what it copied");
}

/// The load goes on only while members keep up, else joins and leaves would fall on an idle group.
fn wait_for_half(world: &World, output: &str, partitions: u32, sent: usize) {
    let sent = sent as u64;
    let ends = || (0..partitions).map(|index| world.bus().extent(&Partition::new(output, index)).unwrap().end.0);
    eventually("members copy on", || (ends().sum::<u64>() * 2 >= sent).then_some(()));
}

/// Waits until the group has committed the end of its input; then the output must be the input, each record once.
pub fn copied_exactly(
    world: &World,
    group: &str,
    input: &str,
    inputs: u32,
    output: &str,
    outputs: u32,
    sent: &[String],
) {
    let partitions: Vec<Partition> = (0..inputs).map(|index| Partition::new(input, index)).collect();
    let ends: Vec<Offset> = partitions.iter().map(|of| world.bus().extent(of).unwrap().end).collect();
    eventually("the group commits the end of its input", || {
        let committed = world.bus().committed(group, &partitions).unwrap();
        let is_done = committed.iter().zip(&ends).all(|(at, end)| at.unwrap_or(Offset(0)) >= *end);
        is_done.then_some(())
    });
    same_multiset(&texts(&settled_topic(world.bus(), output, outputs)), sent);
}

/// Says which values are missing and which came more often.
pub fn same_multiset(found: &[String], wanted: &[String]) {
    let mut balance: BTreeMap<&str, i64> = BTreeMap::new();
    for value in found {
        *balance.entry(value).or_default() += 1;
    }
    for value in wanted {
        *balance.entry(value).or_default() -= 1;
    }
    let lost: Vec<_> = balance.iter().filter(|(_, count)| **count < 0).map(|(value, _)| *value).take(10).collect();
    let twice: Vec<_> = balance.iter().filter(|(_, count)| **count > 0).map(|(value, _)| *value).take(10).collect();
    assert!(lost.is_empty() && twice.is_empty(), "lost (first ten): {lost:?}; too often: {twice:?}");
}

pub fn a_static_member_keeps_its_partitions_over_a_quick_restart(world: &World) {
    let topic = world.topic("in", 4);
    let group = world.name("group");
    let names = [world.name("s"), world.name("s")];
    let settings = |name: &str| MemberSettings {
        is_static: true,
        session_timeout: Duration::from_secs(8),
        ..settings(&group, &instance_of(name), &topic)
    };
    let mut stays = Taker::join(world, &settings(&names[0]));
    let mut restarts = Taker::join(world, &settings(&names[1]));
    let end = Instant::now() + PATIENCE;
    while (stays.owned.len(), restarts.owned.len()) != (2, 2) {
        stays.turn();
        restarts.turn();
        assert!(Instant::now() < end, "{:?} {:?}", stays.owned, restarts.owned);
    }
    let (before, news) = (restarts.owned.clone(), stays.news.len());
    restarts.close().unwrap();
    // Long enough for a heartbeat to tell of a member that left, shorter than the session.
    let away = Instant::now() + Duration::from_secs(4);
    while Instant::now() < away {
        stays.turn();
    }
    let mut restarted = Taker::join(world, &settings(&names[1]));
    while restarted.owned.len() != 2 {
        restarted.turn();
        stays.turn();
        assert!(Instant::now() < end, "{:?}", restarted.owned);
    }
    assert_eq!(restarted.owned, before);
    let told: Vec<_> = stays.news[news..].iter().filter(|news| **news != Polled::Assigned(Vec::new())).collect();
    assert!(told.is_empty(), "the other member must not notice: {told:?}");
    restarted.close().unwrap();
    stays.close().unwrap();
}

pub fn the_older_of_two_static_members_of_one_name_is_fenced(world: &World) {
    let topic = world.topic("in", 2);
    let settings =
        MemberSettings { is_static: true, ..settings(&world.name("group"), &instance_of(&world.name("twin")), &topic) };
    let mut older = Taker::join(world, &settings);
    older.until_owning(2);
    let mut newer = Taker::join(world, &settings);
    newer.until_owning(2);
    let fenced = eventually("the older member is told", || older.try_turn().err());
    assert!(matches!(fenced, BusError::Fenced { .. }), "{fenced:?}");
    newer.turn();
    assert_eq!(newer.owned.len(), 2);
    newer.close().unwrap();
}

pub fn joining_for_a_topic_that_does_not_exist_says_so(world: &World) {
    let missing = world.name("missing");
    let settings = settings(&world.name("group"), &instance_of(&world.name("m")), &missing);
    let error = match world.bus().join(&settings) {
        Err(error) => error,
        Ok(mut member) => {
            let (mut batch, limit) = (bus::Batch::default(), bus::BatchLimit::default());
            eventually("a member of nothing is told", || member.poll(&mut batch, &limit).err())
        }
    };
    assert!(matches!(&error, BusError::UnknownTopic { topic } if *topic == missing), "{error:?}");
}
