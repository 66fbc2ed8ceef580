//! Topics: made as declared, described as found, altered where that is safe.
//!
//! Invariant: altering one setting never resets another. The only call of rdkafka that alters replaces all settings of
//! a topic, so what others set stays by being sent again.

use std::collections::BTreeMap;
use std::ffi::{CString, c_char};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::task::{Poll, Wake, Waker};
use std::time::{Duration, Instant};

use contracts::topics::{Compression, Declared, Keep, MESSAGE_BYTES_MAX};
use rdkafka::ClientConfig;
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, ConfigEntry, ConfigResource, ConfigSource, NewTopic, ResourceSpecifier,
    TopicReplication,
};
use rdkafka::client::{Client, OAuthToken};
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaResult, RDKafkaErrorCode};
use rdkafka::metadata::MetadataTopic;

use super::failure::{self, Doing};
use super::link::{Context, Link, Plain};
use super::query::{self, ANSWER_MAX, Asker};
use crate::topic::differences;
use crate::{BusError, Found, Result};

const RETENTION_TIME: &str = "retention.ms";
const RETENTION_BYTES: &str = "retention.bytes";
const CLEANUP: &str = "cleanup.policy";
const COMPRESSION: &str = "compression.type";
const TIMESTAMP: &str = "message.timestamp.type";
const MESSAGE_BYTES: &str = "max.message.bytes";
/// How long a change made by the controller may take to reach the brokers.
const SETTLE_MAX: Duration = Duration::from_secs(5);
const SETTLE_LOOK_EVERY: Duration = Duration::from_millis(20);
/// What Kafka calls "without bound".
const UNBOUNDED: &str = "-1";

pub(super) struct Admin {
    client: AdminClient<Context<Plain>>,
    /// Of the token it has, with OAUTHBEARER.
    token_expires_ms: AtomicI64,
}

impl Admin {
    pub fn new(config: &ClientConfig, link: &Arc<Link>) -> Result<Self> {
        Ok(Self { client: super::create(config, link, Plain)?, token_expires_ms: AtomicI64::new(0) })
    }

    pub fn topics(&self, asker: &Asker, link: &Link) -> Result<Vec<Found>> {
        let doing = Doing::what("listing the topics");
        let metadata = query::ask(asker, link, ANSWER_MAX, |wait| asker.fetch_metadata(None, wait))
            .map_err(|error| failure::of(&error, link, doing))?;
        // `__consumer_offsets` and its like are the broker's own.
        let mut topics: Vec<&MetadataTopic> = metadata
            .topics()
            .iter()
            .filter(|topic| !topic.name().starts_with("__") && topic.error().is_none())
            .collect();
        topics.sort_by(|one, other| one.name().cmp(other.name()));
        let settings = self.describe(link, topics.iter().map(|topic| topic.name()))?;
        Ok(topics.into_iter().zip(&settings).filter_map(|(topic, settings)| found(topic, settings)).collect())
    }

    pub fn create(&self, asker: &Asker, link: &Link, topic: &Declared) -> Result<()> {
        let doing = Doing::on("making a topic", &topic.name);
        // Asked of a client whose events are served: an admin client cannot say why it reaches nobody.
        match query::partitions_of(asker, link, &topic.name) {
            Ok(_) => return Err(BusError::TopicExists { topic: topic.name.clone() }),
            Err(BusError::UnknownTopic { .. }) => {}
            Err(error) => return Err(error),
        }
        let partitions = i32::try_from(topic.partitions.get()).unwrap_or(i32::MAX);
        let settings = declared_settings(topic);
        let mut new = NewTopic::new(&topic.name, partitions, TopicReplication::Fixed(i32::from(topic.replication)));
        for (name, value) in &settings {
            new = new.set(name, value);
        }
        let answer = self.wait_for(link, doing, || self.client.create_topics([&new], &options()))?;
        match answer.into_iter().next() {
            Some(Err((_, code))) => Err(failure::of_code(code, &code.to_string(), link, doing)),
            // Made by the controller; brokers hear of it a moment later, and who comes sooner is told there is none.
            Some(Ok(_)) | None => settle(|| match query::partitions_of(asker, link, &topic.name) {
                Err(error @ BusError::UnknownTopic { .. }) => Settled::NotYet(error),
                other => Settled::As(other.map(drop)),
            }),
        }
    }

    pub fn alter(&self, asker: &Asker, link: &Link, topic: &Declared) -> Result<()> {
        query::partitions_of(asker, link, &topic.name)?;
        let doing = Doing::on("altering a topic", &topic.name);
        let before = self.describe(link, std::iter::once(topic.name.as_str()))?;
        let mut settings: BTreeMap<String, String> = before
            .iter()
            .flat_map(|resource| &resource.entries)
            .filter(|entry| entry.source == ConfigSource::DynamicTopic && !entry.is_sensitive)
            .filter_map(|entry| Some((entry.name.clone(), entry.value.clone()?)))
            .collect();
        settings.extend(declared_settings(topic).into_iter().map(|(name, value)| (name.to_owned(), value)));
        let mut change = AlterConfig::new(ResourceSpecifier::Topic(&topic.name));
        for (name, value) in &settings {
            change = change.set(name, value);
        }
        self.wait_for(link, doing, || self.client.alter_configs([&change], &options()))?;
        // rdkafka drops the broker's verdict on each altered topic, so what it has now is the only answer.
        settle(|| match self.unaltered(asker, link, topic) {
            Ok(None) => Settled::As(Ok(())),
            Ok(Some(left)) => Settled::NotYet(BusError::Protocol {
                what: "the broker did not take the settings of a topic",
                reason: left,
            }),
            Err(error) => Settled::As(Err(error)),
        })
    }

    /// What of a topic's settings is not as declared.
    fn unaltered(&self, asker: &Asker, link: &Link, topic: &Declared) -> Result<Option<String>> {
        let now = self.topics(asker, link)?.into_iter().find(|found| found.name == topic.name);
        let left =
            differences(&Declared { partitions: one_if_gone(now.as_ref(), topic), ..topic.clone() }, now.as_ref());
        let left: Vec<String> = left
            .iter()
            .filter(|difference| !matches!(difference, crate::Difference::Setting { setting: "copies", .. }))
            .map(ToString::to_string)
            .collect();
        Ok((!left.is_empty()).then(|| left.join("; ")))
    }

    fn describe<'a>(&self, link: &Link, names: impl Iterator<Item = &'a str>) -> Result<Vec<ConfigResource>> {
        let wanted: Vec<ResourceSpecifier<'_>> = names.map(ResourceSpecifier::Topic).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let doing = Doing::what("describing topics");
        self.wait_for(link, doing, || self.client.describe_configs(&wanted, &options()))?
            .into_iter()
            .collect::<std::result::Result<_, _>>()
            .map_err(|code| failure::of_code(code, &code.to_string(), link, doing))
    }

    fn wait_for<T, F>(&self, link: &Link, doing: Doing<'_>, request: impl FnOnce() -> F) -> Result<T>
    where
        F: Future<Output = KafkaResult<T>>,
    {
        self.renew_token(link)?;
        block_on(request()).map_err(|error| failure::of(&error, link, doing))
    }

    /// librdkafka asks for tokens by an event, and rdkafka's admin client serves none: it is given them instead.
    fn renew_token(&self, link: &Link) -> Result<()> {
        let Some(source) = &link.tokens else { return Ok(()) };
        let denied = |reason: String| BusError::Denied { target: link.target.clone(), reason };
        let token = source.fetch().map_err(|error| denied(error.to_string()))?;
        if self.token_expires_ms.swap(token.lifetime_ms, Ordering::AcqRel) != token.lifetime_ms {
            set_token(self.client.inner(), &token).map_err(|code| denied(code.to_string()))?;
        }
        Ok(())
    }
}

#[expect(unsafe_code, reason = "rdkafka offers no other way to an admin client's token")]
fn set_token(client: &Client<Context<Plain>>, token: &OAuthToken) -> std::result::Result<(), RDKafkaErrorCode> {
    let text = CString::new(token.token.as_str()).map_err(|_| RDKafkaErrorCode::InvalidArgument)?;
    let principal = CString::new(token.principal_name.as_str()).map_err(|_| RDKafkaErrorCode::InvalidArgument)?;
    let mut reason: [c_char; 512] = [0; 512];
    // SAFETY: the client is alive for as long as it is borrowed, and librdkafka's functions may be called from any
    // thread. Both texts end with a zero and outlive the call, which copies them. There are no extensions: a null list of
    // length 0 is how its documentation spells that. `reason` is written within the length that is given with it.
    let code = unsafe {
        rdkafka::bindings::rd_kafka_oauthbearer_set_token(
            client.native_ptr(),
            text.as_ptr(),
            token.lifetime_ms,
            principal.as_ptr(),
            std::ptr::null_mut(),
            0,
            reason.as_mut_ptr(),
            reason.len(),
        )
    };
    match RDKafkaErrorCode::from(code) {
        RDKafkaErrorCode::NoError => Ok(()),
        code => Err(code),
    }
}

/// What one look at a change finds.
enum Settled {
    As(Result<()>),
    NotYet(BusError),
}

/// Looks until a change has reached the broker that answers, or gives up with the last finding.
fn settle(mut look: impl FnMut() -> Settled) -> Result<()> {
    let deadline = Instant::now() + SETTLE_MAX;
    loop {
        match look() {
            Settled::As(result) => return result,
            Settled::NotYet(error) if Instant::now() >= deadline => return Err(error),
            Settled::NotYet(_) => std::thread::sleep(SETTLE_LOOK_EVERY),
        }
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(ANSWER_MAX)).operation_timeout(Some(ANSWER_MAX))
}

/// The partitions are not this call's business: they never change in place.
fn one_if_gone(found: Option<&Found>, declared: &Declared) -> NonZeroU32 {
    found.map_or(declared.partitions, |found| found.partitions)
}

fn declared_settings(topic: &Declared) -> BTreeMap<&'static str, String> {
    let (cleanup, time) = match topic.keep {
        Keep::For(time) => ("delete", time.as_millis().to_string()),
        Keep::Forever => ("delete", UNBOUNDED.to_owned()),
        Keep::NewestOfKey => ("compact", UNBOUNDED.to_owned()),
    };
    let compression = match topic.compression {
        Compression::None => "uncompressed",
        Compression::Lz4 => "lz4",
        Compression::Zstd => "zstd",
    };
    BTreeMap::from([
        (CLEANUP, cleanup.to_owned()),
        (RETENTION_TIME, time),
        (RETENTION_BYTES, topic.keep_bytes_max.map_or_else(|| UNBOUNDED.to_owned(), |bytes| bytes.to_string())),
        (COMPRESSION, compression.to_owned()),
        (TIMESTAMP, "LogAppendTime".to_owned()),
        (MESSAGE_BYTES, MESSAGE_BYTES_MAX.to_string()),
    ])
}

fn found(topic: &MetadataTopic, settings: &ConfigResource) -> Option<Found> {
    let text =
        |name: &str| settings.get(name).and_then(|entry: &ConfigEntry| entry.value.as_deref()).unwrap_or_default();
    let number = |name: &str| text(name).parse::<i64>().ok();
    let keep = if text(CLEANUP).contains("compact") {
        Keep::NewestOfKey
    } else {
        match number(RETENTION_TIME).and_then(|millis| u64::try_from(millis).ok()) {
            Some(millis) => Keep::For(Duration::from_millis(millis)),
            None => Keep::Forever,
        }
    };
    let compression = match text(COMPRESSION) {
        "uncompressed" => Ok(Compression::None),
        "lz4" => Ok(Compression::Lz4),
        "zstd" => Ok(Compression::Zstd),
        other => Err(other.to_owned()),
    };
    Some(Found {
        name: topic.name().to_owned(),
        // A topic that is being deleted has none for a moment.
        partitions: NonZeroU32::new(u32::try_from(topic.partitions().len()).ok()?)?,
        replication: topic.partitions().first().and_then(|first| u16::try_from(first.replicas().len()).ok())?,
        keep,
        keep_bytes_max: number(RETENTION_BYTES).and_then(|bytes| u64::try_from(bytes).ok()),
        compression,
        append_time: text(TIMESTAMP) == "LogAppendTime",
        message_bytes_max: number(MESSAGE_BYTES).and_then(|bytes| u32::try_from(bytes).ok()).unwrap_or_default(),
    })
}

/// Waits for a future of rdkafka: its admin client answers from a thread of its own, so a runtime would add nothing.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let (ready, awaken) = Bell::new();
    let waker = Waker::from(ready);
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(answer) = future.as_mut().poll(&mut std::task::Context::from_waker(&waker)) {
            return answer;
        }
        awaken.recv().expect("invariant: the waker lives as long as this loop");
    }
}

struct Bell(std::sync::mpsc::SyncSender<()>);

impl Bell {
    fn new() -> (Arc<Self>, Receiver<()>) {
        let (sender, receiver) = sync_channel(1);
        (Arc::new(Self(sender)), receiver)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        // Full means it rings already.
        let _ = self.0.try_send(());
    }
}
