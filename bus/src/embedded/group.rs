//! Who owns which partition: the members of one group and what each should and does hold.
//!
//! A partition has a *target*, the member that should have it, and an *owner*, the member that has been told so and has
//! not given it back. Only a partition without an owner is handed out, so an owner always releases before the next one
//! gets it. Targets are sticky: a change of members moves no more partitions than balance asks for.
//!
//! Invariant: every owner and every target is a member, and subscribed to the partition. Time is an argument; nothing here
//! waits or reads a clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::{Instance, Partition};

/// One stay of a member in its group. A member that was dropped and joins again is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MemberId(pub u64);

#[derive(Debug, Default)]
pub(super) struct Group {
    members: BTreeMap<MemberId, Seat>,
    last_id: u64,
    targets: BTreeMap<Partition, MemberId>,
    owners: BTreeMap<Partition, MemberId>,
}

/// What a member brings along when it joins.
#[derive(Debug, Clone)]
pub(super) struct Subscription {
    /// Given by static members.
    pub static_instance: Option<Instance>,
    pub partitions: BTreeSet<Partition>,
    pub session_timeout: Duration,
}

#[derive(Debug)]
struct Seat {
    subscription: Subscription,
    presence: Presence,
    /// A member hears at least once what it was given, be it nothing.
    greeted: bool,
}

#[derive(Debug, Clone, Copy)]
enum Presence {
    /// Inside of a poll: alive however long that takes.
    Polling,
    /// Its last poll ended then.
    Since(Instant),
    /// A static member that closed then.
    Away(Instant),
}

/// What a member has to hear.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    Nothing,
    Assigned(Vec<Partition>),
    Revoked(Vec<Partition>),
    /// It was dropped: it did not poll in time.
    Dropped,
    /// A newer member runs under its static name.
    Replaced,
}

impl Group {
    /// A static member takes over what an earlier one of its name had; that one is out at once.
    pub fn join(&mut self, subscription: Subscription, now: Instant) -> MemberId {
        self.expire(now);
        self.last_id += 1;
        let id = MemberId(self.last_id);
        if let Some(before) = self.holder_of(subscription.static_instance.as_ref()) {
            self.members.remove(&before);
            self.owners.retain(|_, owner| *owner != before);
            for target in self.targets.values_mut().filter(|target| **target == before) {
                *target = id;
            }
        }
        self.members.insert(id, Seat { subscription, presence: Presence::Since(now), greeted: false });
        self.rebalance();
        id
    }

    /// A poll begins, or goes on: what is there to hear?
    pub fn enter(&mut self, id: MemberId, static_instance: Option<&Instance>, now: Instant) -> News {
        self.expire(now);
        let Some(seat) = self.members.get_mut(&id) else {
            return if self.holder_of(static_instance).is_some() { News::Replaced } else { News::Dropped };
        };
        seat.presence = Presence::Polling;
        let revoked = of(&self.owners, id).filter(|partition| self.targets.get(partition) != Some(&id));
        let revoked: Vec<Partition> = revoked.collect();
        if !revoked.is_empty() {
            return News::Revoked(revoked);
        }
        let assigned = of(&self.targets, id).filter(|partition| !self.owners.contains_key(partition));
        let assigned: Vec<Partition> = assigned.collect();
        if assigned.is_empty() && seat.greeted {
            return News::Nothing;
        }
        seat.greeted = true;
        self.owners.extend(assigned.iter().map(|partition| (partition.clone(), id)));
        News::Assigned(assigned)
    }

    /// A poll has ended.
    pub fn rest(&mut self, id: MemberId, now: Instant) {
        if let Some(seat) = self.members.get_mut(&id) {
            seat.presence = Presence::Since(now);
        }
    }

    /// The owner gives partitions back.
    pub fn release(&mut self, id: MemberId, partitions: &[Partition]) {
        self.owners.retain(|partition, owner| *owner != id || !partitions.contains(partition));
    }

    /// A static member keeps its seat until its session has timed out.
    pub fn leave(&mut self, id: MemberId, now: Instant) {
        let Some(seat) = self.members.get_mut(&id) else {
            return;
        };
        if seat.subscription.static_instance.is_some() {
            seat.presence = Presence::Away(now);
        } else {
            self.remove(&BTreeSet::from([id]));
        }
    }

    /// What a broker asks of a publication: that the member is one of the group's now. Who owns what it does not ask.
    pub fn has(&mut self, id: MemberId, now: Instant) -> bool {
        self.expire(now);
        self.members.contains_key(&id)
    }

    /// When the next member times out if nobody polls.
    pub fn next_expiry(&self) -> Option<Instant> {
        self.members.values().filter_map(Seat::expiry).min()
    }

    fn expire(&mut self, now: Instant) {
        let expired: BTreeSet<MemberId> = self
            .members
            .iter()
            .filter(|(_, seat)| seat.expiry().is_some_and(|expiry| expiry <= now))
            .map(|(id, _)| *id)
            .collect();
        if !expired.is_empty() {
            self.remove(&expired);
        }
    }

    fn remove(&mut self, gone: &BTreeSet<MemberId>) {
        self.members.retain(|id, _| !gone.contains(id));
        self.owners.retain(|_, owner| !gone.contains(owner));
        self.rebalance();
    }

    fn holder_of(&self, static_instance: Option<&Instance>) -> Option<MemberId> {
        let name = static_instance?;
        let holds = |seat: &Seat| seat.subscription.static_instance.as_ref() == Some(name);
        self.members.iter().find(|(_, seat)| holds(seat)).map(|(id, _)| *id)
    }

    /// Gives every subscribed partition a target: who has it keeps it, whoever has fewest gets what is free, and then
    /// single partitions move from the richest to the poorest until they differ by one.
    fn rebalance(&mut self) {
        let members = &self.members;
        self.targets.retain(|partition, id| members.get(id).is_some_and(|seat| seat.wants(partition)));
        let wanted: BTreeSet<Partition> =
            members.values().flat_map(|seat| seat.subscription.partitions.iter().cloned()).collect();
        for partition in wanted {
            if !self.targets.contains_key(&partition) {
                let owner = self.owners.get(&partition);
                let candidates = self.members.iter().filter(|(_, seat)| seat.wants(&partition));
                let poorest = candidates.map(|(id, _)| *id).min_by_key(|id| (self.load(*id), Some(id) != owner, *id));
                let poorest = poorest.expect("invariant: a wanted partition is wanted by a member");
                self.targets.insert(partition, poorest);
            }
        }
        while let Some((partition, to)) = self.unbalanced() {
            self.targets.insert(partition, to);
        }
    }

    /// A partition whose move to the member named would lessen a difference of two or more. Prefers one that its target
    /// does not hold yet, because nobody has to stop for it.
    fn unbalanced(&self) -> Option<(Partition, MemberId)> {
        let mut by_load: Vec<(usize, MemberId)> = self.members.keys().map(|id| (self.load(*id), *id)).collect();
        by_load.sort_unstable();
        for &(low, poor) in &by_load {
            for &(high, rich) in by_load.iter().rev() {
                if high < low + 2 {
                    break;
                }
                let movable = of(&self.targets, rich).filter(|partition| self.members[&poor].wants(partition));
                let moved = movable.min_by_key(|partition| {
                    let owner = self.owners.get(partition);
                    (owner == Some(&rich), owner != Some(&poor), std::cmp::Reverse(partition.clone()))
                });
                if let Some(partition) = moved {
                    return Some((partition, poor));
                }
            }
        }
        None
    }

    fn load(&self, id: MemberId) -> usize {
        self.targets.values().filter(|target| **target == id).count()
    }
}

impl Seat {
    fn wants(&self, partition: &Partition) -> bool {
        self.subscription.partitions.contains(partition)
    }

    fn expiry(&self) -> Option<Instant> {
        match self.presence {
            Presence::Polling => None,
            Presence::Since(time) | Presence::Away(time) => time.checked_add(self.subscription.session_timeout),
        }
    }
}

fn of(table: &BTreeMap<Partition, MemberId>, id: MemberId) -> impl Iterator<Item = Partition> {
    table.iter().filter(move |(_, holder)| **holder == id).map(|(partition, _)| partition.clone())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SESSION: Duration = Duration::from_secs(10);

    fn partitions(count: u32) -> BTreeSet<Partition> {
        (0..count).map(|index| Partition::new("t", index)).collect()
    }

    fn subscription(name: Option<&str>, count: u32) -> Subscription {
        let static_instance = name.map(|name| Instance::new(name).unwrap());
        Subscription { static_instance, partitions: partitions(count), session_timeout: SESSION }
    }

    /// Lets members hear, and give back what they are asked for, until none has anything to hear. Answers what each holds.
    fn settle(group: &mut Group, ids: &[MemberId], now: Instant) -> BTreeMap<MemberId, BTreeSet<Partition>> {
        loop {
            let mut quiet = true;
            for id in ids {
                match group.enter(*id, None, now) {
                    News::Nothing => {}
                    News::Assigned(_) => quiet = false,
                    News::Revoked(partitions) => {
                        group.release(*id, &partitions);
                        quiet = false;
                    }
                    News::Dropped | News::Replaced => panic!("{id:?} is not a member any more"),
                }
                group.rest(*id, now);
            }
            if quiet {
                return ids.iter().map(|id| (*id, of(&group.owners, *id).collect())).collect();
            }
        }
    }

    #[test]
    fn only_what_must_move_moves_and_only_after_its_owner_released_it() {
        let now = Instant::now();
        let mut group = Group::default();
        let first = group.join(subscription(None, 6), now);
        let all = settle(&mut group, &[first], now)[&first].clone();
        assert_eq!(all, partitions(6));

        let second = group.join(subscription(None, 6), now);
        assert_eq!(group.enter(second, None, now), News::Assigned(vec![]), "nothing is free yet");
        let News::Revoked(moving) = group.enter(first, None, now) else { panic!("the first has too many") };
        assert_eq!(moving.len(), 3);
        assert_eq!(group.enter(second, None, now), News::Nothing, "not released yet");
        group.release(first, &moving);
        assert_eq!(group.enter(second, None, now), News::Assigned(moving.clone()));

        let third = group.join(subscription(None, 6), now);
        let held = settle(&mut group, &[first, second, third], now);
        assert!(held.values().all(|partitions| partitions.len() == 2), "{held:?}");
        assert!(held[&first].is_subset(&all) && held[&second].iter().all(|partition| moving.contains(partition)));
    }

    #[test]
    fn who_does_not_poll_is_dropped_and_who_polls_long_is_not() {
        let now = Instant::now();
        let mut group = Group::default();
        let (slow, quick) = (group.join(subscription(None, 2), now), group.join(subscription(None, 2), now));
        settle(&mut group, &[slow, quick], now);
        group.enter(quick, None, now);
        assert_eq!(group.next_expiry(), Some(now + SESSION));
        let later = now + SESSION;
        assert!(!group.has(slow, later));
        assert!(group.has(quick, later), "it is inside of its poll");
        assert_eq!(group.enter(quick, None, later), News::Assigned(vec![Partition::new("t", 0)]));
        assert_eq!(group.enter(slow, None, later), News::Dropped);
    }

    #[test]
    fn a_static_member_keeps_its_partitions_over_a_restart_and_its_older_self_is_out() {
        let now = Instant::now();
        let mut group = Group::default();
        let (a, b) = (group.join(subscription(Some("a"), 4), now), group.join(subscription(Some("b"), 4), now));
        let held = settle(&mut group, &[a, b], now);
        group.leave(a, now);
        assert_eq!(group.enter(b, None, now), News::Nothing);
        let again = group.join(subscription(Some("a"), 4), now + SESSION / 2);
        assert_eq!(settle(&mut group, &[b, again], now + SESSION / 2)[&again], held[&a]);
        assert_eq!(group.enter(a, Some(&Instance::new("a").unwrap()), now), News::Replaced);

        group.leave(again, now + SESSION / 2);
        let later = now + SESSION * 2;
        group.rest(b, later);
        assert_eq!(settle(&mut group, &[b], later)[&b], partitions(4), "a session timeout later they are free");
    }

    /// What may happen to a group.
    #[derive(Debug, Clone)]
    enum Event {
        Join { wants: u32 },
        Leave(usize),
        Poll(usize),
        Release(usize),
        Pass { seconds: u64 },
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            (0..9u32).prop_map(|wants| Event::Join { wants }),
            (0..4usize).prop_map(Event::Leave),
            (0..4usize).prop_map(Event::Poll),
            (0..4usize).prop_map(Event::Release),
            (0..8u64).prop_map(|seconds| Event::Pass { seconds }),
        ]
    }

    proptest! {
        /// The members' own view is the oracle: a partition is in the hands of one at a time, and in the end all are
        /// spread evenly.
        #[test]
        fn no_partition_is_ever_in_two_hands(events in proptest::collection::vec(event(), 0..60)) {
            let mut now = Instant::now();
            let mut group = Group::default();
            let mut held: BTreeMap<MemberId, BTreeSet<Partition>> = BTreeMap::new();
            for event in events {
                let chosen = |index: usize| held.keys().copied().nth(index);
                match event {
                    Event::Join { wants } if held.len() < 4 => {
                        let id = group.join(subscription(None, wants), now);
                        held.insert(id, BTreeSet::new());
                    }
                    Event::Join { .. } => {}
                    Event::Leave(index) => if let Some(id) = chosen(index) {
                        group.leave(id, now);
                        held.remove(&id);
                    },
                    Event::Poll(index) => if let Some(id) = chosen(index) {
                        match group.enter(id, None, now) {
                            News::Assigned(partitions) => held.get_mut(&id).unwrap().extend(partitions),
                            News::Revoked(partitions) => prop_assert!(partitions.iter().all(|p| held[&id].contains(p))),
                            News::Dropped => { held.remove(&id); }
                            News::Nothing | News::Replaced => {}
                        }
                        group.rest(id, now);
                    },
                    Event::Release(index) => if let Some(id) = chosen(index) {
                        let partitions: Vec<Partition> = held[&id].iter().cloned().collect();
                        group.release(id, &partitions);
                        held.get_mut(&id).unwrap().clear();
                    },
                    Event::Pass { seconds } => now += Duration::from_secs(seconds),
                }
                held.retain(|id, _| group.has(*id, now));
                let mut seen = BTreeSet::new();
                for partition in held.values().flatten() {
                    prop_assert!(seen.insert(partition), "{partition} is in two hands");
                }
            }
            let ids: Vec<MemberId> = held.keys().copied().collect();
            let wanted: BTreeSet<Partition> = group.members.values().flat_map(|seat| seat.subscription.partitions.clone()).collect();
            let held = settle(&mut group, &ids, now);
            let spread: BTreeSet<Partition> = held.values().flatten().cloned().collect();
            prop_assert_eq!(spread, wanted);
        }
    }
}
