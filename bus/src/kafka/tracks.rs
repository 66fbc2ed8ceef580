//! Where each partition of a consumer stands, and which of them an end belongs to.
//!
//! Invariant: `next` of a track is where its reading goes on: never behind a record that was handed out, and at the
//! end of the partition as soon as the end is known, also across the holes that transaction markers leave.
//!
//! librdkafka reports the end of a partition as an event; as far as it is reachable by rdkafka it names the number of
//! the partition and, in its text, the offset, but no topic. Where two topics could be meant, the log is asked.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::{Offset, Partition};

/// How often the log is asked whose end it was. Under load partitions end all the time, and nobody needs to know.
const ASK_EVERY: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
pub(super) struct Tracks {
    all: Vec<Track>,
    /// Of the last record: records come in runs of one partition.
    current: usize,
    /// Ends that two topics could have. At most two for each track; beyond, the oldest is forgotten: a partition that
    /// goes on ends again.
    doubtful: Vec<End>,
    asked_at: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct Track {
    pub partition: Partition,
    pub next: Offset,
    pub flows: bool,
    /// Records from here on are not handed out.
    pub stop: Option<Offset>,
}

/// Some partition of this number ended here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    pub index: u32,
    pub at: Offset,
}

/// The offset of an end on its way from the event's text to whoever polls.
#[derive(Debug, Default)]
pub(super) struct EndText(Mutex<Option<Offset>>);

impl Tracks {
    pub fn iter(&self) -> impl Iterator<Item = &Track> {
        self.all.iter()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Track> {
        self.all.iter_mut()
    }

    pub fn get(&self, partition: &Partition) -> Option<&Track> {
        self.all.iter().find(|track| track.partition == *partition)
    }

    pub fn get_mut(&mut self, partition: &Partition) -> Option<&mut Track> {
        self.all.iter_mut().find(|track| track.partition == *partition)
    }

    pub fn add(&mut self, track: Track) {
        self.remove(&track.partition);
        self.all.push(track);
    }

    pub fn remove(&mut self, partition: &Partition) {
        self.all.retain(|track| track.partition != *partition);
        self.doubtful.retain(|end| end.index != partition.index);
        self.current = 0;
    }

    /// The track of a message.
    pub fn of(&mut self, topic: &str, index: i32) -> Option<&mut Track> {
        let is_it =
            |track: &Track| i64::from(track.partition.index) == i64::from(index) && *track.partition.topic == *topic;
        if !self.all.get(self.current).is_some_and(is_it) {
            self.current = self.all.iter().position(is_it)?;
        }
        self.all.get_mut(self.current)
    }

    /// The partition that ended, brought to its end; `None` while that is doubtful.
    pub fn ended(&mut self, end: End) -> Option<&Partition> {
        let mut candidates = self.all.iter().enumerate().filter(|(_, track)| track.could_end(end)).map(|(at, _)| at);
        match (candidates.next(), candidates.next()) {
            (None, _) => None,
            (Some(only), None) => {
                self.all[only].next = end.at;
                Some(&self.all[only].partition)
            }
            (Some(_), Some(_)) => {
                self.doubt(end);
                None
            }
        }
    }

    fn doubt(&mut self, end: End) {
        if !self.doubtful.contains(&end) {
            self.doubtful.push(end);
        }
        if self.doubtful.len() > 2 * self.all.len() {
            self.doubtful.remove(0);
        }
    }

    /// Settles a doubtful end by the ends that partitions have now, and answers which are read to theirs: those that end
    /// where the event said and have no rival there, or nothing unread before it. An end that cannot be asked for now
    /// stays doubtful. One at a time: whoever polls waits for the answer.
    pub fn settle(&mut self, now: Instant, end_of: impl Fn(&Partition) -> Option<Offset>) -> Vec<Partition> {
        if self.asked_at.is_some_and(|asked| now.duration_since(asked) < ASK_EVERY) {
            return Vec::new();
        }
        while !self.doubtful.is_empty() {
            let end = self.doubtful.remove(0);
            let candidates: Vec<&mut Track> = self.all.iter_mut().filter(|track| track.could_end(end)).collect();
            if candidates.is_empty() {
                // All went on since, and will be told of again.
                continue;
            }
            self.asked_at = Some(now);
            let ends = candidates.into_iter().map(|track| Some((end_of(&track.partition)?, track)));
            let Some(ends) = ends.collect::<Option<Vec<_>>>() else {
                self.doubt(end);
                return Vec::new();
            };
            let mut there: Vec<_> = ends.into_iter().filter(|(at, _)| *at == end.at).map(|(_, track)| track).collect();
            if there.len() > 1 {
                there.retain(|track| track.next == end.at);
            }
            let settle = |track: &mut Track| {
                track.next = end.at;
                track.partition.clone()
            };
            return there.into_iter().map(settle).collect();
        }
        Vec::new()
    }
}

impl Track {
    pub fn endless(partition: Partition, next: Offset) -> Self {
        Self { partition, next, flows: true, stop: None }
    }

    pub fn up_to(partition: Partition, next: Offset, stop: Offset) -> Self {
        Self { stop: Some(stop), ..Self::endless(partition, next) }
    }

    /// Assigned, but not to flow yet.
    pub fn paused(partition: Partition, next: Offset) -> Self {
        Self { flows: false, ..Self::endless(partition, next) }
    }

    pub fn is_finished(&self) -> bool {
        self.stop.is_some_and(|stop| self.next >= stop)
    }

    fn could_end(&self, end: End) -> bool {
        self.flows && self.partition.index == end.index && self.next <= end.at
    }
}

impl EndText {
    /// From "… reached end of partition at offset 42 (…)".
    pub fn note(&self, text: &str) {
        let offset = text
            .split_once("end of partition at offset ")
            .and_then(|(_, rest)| rest.split(' ').next())
            .and_then(|digits| digits.parse().ok());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = offset.map(Offset);
    }

    pub fn take(&self) -> Option<Offset> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two topics, partition 0 of each: where they are read to, where they end, an end that is told, and which
    /// partitions are at their ends by it.
    #[test]
    fn an_end_is_told_of_no_partition_that_may_have_unread_records() {
        type Case = (&'static str, [u64; 2], [u64; 2], &'static [u64], &'static [&'static str]);
        let cases: [Case; 7] = [
            ("beyond one of them already", [3, 7], [3, 9], &[3], &["a"]),
            ("doubtful, but only one ends there", [3, 3], [5, 9], &[5], &["a"]),
            ("over a hole at the end", [3, 5], [9, 6], &[9], &["a"]),
            ("both over a hole, each told", [3, 2], [6, 5], &[5, 6], &["b", "a"]),
            ("both end there, one with unread records or a hole", [3, 5], [5, 5], &[5], &["b"]),
            ("both read to the same end", [5, 5], [5, 5], &[5], &["a", "b"]),
            ("both went on since", [3, 3], [8, 9], &[5], &[]),
        ];
        for (what, read, ends, told, expected) in cases {
            let mut tracks = Tracks::default();
            for (topic, next) in ["a", "b"].into_iter().zip(read) {
                tracks.add(Track::endless(Partition::new(topic, 0), Offset(next)));
            }
            let end_of = |partition: &Partition| Some(Offset(ends[usize::from(*partition.topic == *"b")]));
            let mut found = Vec::new();
            for at in told.iter().copied().map(Offset) {
                found.extend(tracks.ended(End { index: 0, at }).cloned());
            }
            let start = Instant::now();
            for question in 0..3 {
                found.extend(tracks.settle(start + ASK_EVERY * question, end_of));
            }
            assert_eq!(found.iter().map(|partition| &*partition.topic).collect::<Vec<_>>(), expected, "{what}");
            assert!(found.iter().all(|partition| tracks.get(partition).unwrap().next == end_of(partition).unwrap()));
        }
    }

    #[test]
    fn an_end_that_cannot_be_asked_for_stays_doubtful_and_is_not_asked_for_all_the_time() {
        let mut tracks = Tracks::default();
        for topic in ["a", "b"] {
            tracks.add(Track::endless(Partition::new(topic, 0), Offset(1)));
        }
        let start = Instant::now();
        assert_eq!(tracks.ended(End { index: 0, at: Offset(5) }), None);
        assert_eq!(tracks.settle(start, |_| None), []);
        let end_of = |partition: &Partition| Some(Offset(if *partition.topic == *"a" { 5 } else { 9 }));
        assert_eq!(tracks.settle(start, end_of), [], "too soon");
        assert_eq!(tracks.settle(start + ASK_EVERY, end_of), [Partition::new("a", 0)]);
    }

    #[test]
    fn an_end_without_a_partition_that_could_have_it_is_nobodys() {
        let mut tracks = Tracks::default();
        tracks.add(Track::paused(Partition::new("a", 0), Offset(0)));
        assert_eq!(tracks.ended(End { index: 0, at: Offset(4) }), None, "a paused partition is not read");
        assert_eq!(tracks.ended(End { index: 1, at: Offset(4) }), None, "nor is one that is not there");
    }

    #[test]
    fn the_offset_of_an_end_is_read_from_librdkafkas_text() {
        let text = EndText::default();
        text.note("Fetch from broker 1 reached end of partition at offset 4711 (HighwaterMark 4712)");
        assert_eq!(text.take(), Some(Offset(4_711)));
        text.note("Broker: No more messages");
        assert_eq!(text.take(), None);
    }
}
