//! The log on Apache Kafka and what speaks its protocol, by librdkafka.
//!
//! Invariant: librdkafka is touched nowhere else, and its settings are made in [`settings`] alone. A thread that calls
//! in here is a thread that waits here: librdkafka has threads of its own for the network, and callbacks run only inside
//! of our calls.
//!
//! Absent on purpose: async, batch calls by raw pointers, `split_partition_queue` (a partition's own queue is not
//! drained by a rebalance), and offset commits outside of transactions.

mod admin;
mod failure;
mod intake;
mod link;
mod member;
mod producer;
mod published;
mod publisher;
mod query;
mod reader;
mod settings;
mod token;
mod tracks;

use std::sync::Arc;
use std::time::{Duration, Instant};

use contracts::time::Timestamp;
use contracts::topics::Declared;
use rdkafka::ClientConfig;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::Consumer;

use crate::connection::KafkaConnection;
use crate::{
    Bus, BusError, Extent, FateSink, Found, Instance, Member, MemberSettings, Offset, Partition, Producer,
    ProducerSettings, Publisher, Reader, Result, Start, Until,
};

use failure::Doing;
use link::{Context, Link, Plain};
use published::Published;
use token::TokenSource;

pub use member::Membership;

/// How long a cluster may take to answer for the first time.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// A Kafka cluster.
pub struct Kafka {
    connection: KafkaConnection,
    name: String,
    tokens: Option<Arc<TokenSource>>,
    link: Arc<Link>,
    /// Asks about offsets and topics. Consumers and producers are made as they are wanted.
    asker: Arc<query::Asker>,
    admin: admin::Admin,
    published: Arc<Published>,
}

impl Kafka {
    /// Reaches the cluster, or says why not. `name` is what the brokers' logs call this process.
    pub fn connect(connection: KafkaConnection, name: &str) -> Result<Self> {
        let tokens = TokenSource::new(&connection.security)?.map(Arc::new);
        let link = Arc::new(Link::new(&connection.brokers, tokens.clone()));
        let asker: Arc<query::Asker> = Arc::new(create(&settings::asker(&connection, name), &link, Plain)?);
        reach(&asker, &link)?;
        let admin = admin::Admin::new(&settings::base(&connection, name), &link)?;
        Ok(Self { connection, name: name.to_owned(), tokens, link, asker, admin, published: Arc::default() })
    }

    /// The host of the member that has this name in a group, if there is one. A process that died has a member there until
    /// its session ends.
    pub fn holder(&self, group: &str, instance: &Instance) -> Result<Option<String>> {
        query::holder(&self.asker, &self.link, group, instance)
    }

    fn new_link(&self) -> Arc<Link> {
        Arc::new(Link::new(&self.connection.brokers, self.tokens.clone()))
    }
}

fn create<Role, T>(config: &ClientConfig, link: &Arc<Link>, role: Role) -> Result<T>
where
    Role: Send + Sync,
    T: FromClientConfigAndContext<Context<Role>>,
{
    // Files of certificates and keys are read here.
    config
        .create_with_context(Context { link: link.clone(), role })
        .map_err(|error| BusError::Denied { target: link.target.clone(), reason: error.to_string() })
}

/// Waits for the first answer. Errors that trying again does not mend end it at once.
fn reach(asker: &query::Asker, link: &Link) -> Result<()> {
    let begun = Instant::now();
    let answer = query::ask(asker, link, CONNECT_MAX, |wait| asker.fetch_metadata(None, wait));
    match answer {
        Ok(_) => {
            tracing::debug!(target: "kafka", brokers = link.target, took = ?begun.elapsed(), "connected");
            Ok(())
        }
        Err(error) => Err(failure::of(&error, link, Doing::what("connecting"))),
    }
}

impl Bus for Kafka {
    fn topics(&self) -> Result<Vec<Found>> {
        self.admin.topics(&self.asker, &self.link)
    }

    fn create(&self, topic: &Declared) -> Result<()> {
        self.admin.create(&self.asker, &self.link, topic)
    }

    fn alter(&self, topic: &Declared) -> Result<()> {
        self.admin.alter(&self.asker, &self.link, topic)
    }

    fn producer(&self, settings: &ProducerSettings, fates: FateSink) -> Result<Box<dyn Producer>> {
        Ok(Box::new(self.open_producer(settings, fates)?))
    }

    fn join(&self, settings: &MemberSettings) -> Result<Box<dyn Member>> {
        Ok(Box::new(self.open_member(settings)?))
    }

    fn read(&self, from: &[(Partition, Start)], until: Until) -> Result<Box<dyn Reader>> {
        Ok(Box::new(self.open_reader(from, until)?))
    }

    fn publisher(&self, instance: &Instance) -> Result<Box<dyn Publisher>> {
        Ok(Box::new(self.open_publisher(instance)?))
    }

    fn committed(&self, group: &str, partitions: &[Partition]) -> Result<Vec<Option<Offset>>> {
        let link = self.new_link();
        let config = settings::outsider(&self.connection, &self.name, group);
        let consumer: query::Asker = create(&config, &link, Plain)?;
        query::committed(&consumer, &link, partitions)
    }

    fn extent(&self, partition: &Partition) -> Result<Extent> {
        self.published.visible(partition, || query::extent(&self.asker, &self.link, partition))
    }

    fn offset_at(&self, partition: &Partition, time: Timestamp) -> Result<Offset> {
        query::offset_at(&self.asker, &self.link, partition, time, self.extent(partition)?)
    }
}

impl std::fmt::Debug for Kafka {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kafka").field("connection", &self.connection).field("name", &self.name).finish_non_exhaustive()
    }
}
