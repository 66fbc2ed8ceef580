//! Two that have one name in the group: a second process, or a join that nobody heard the end of.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use bus::{Batch, BatchLimit, Bus, Instance, MemberSettings, Offset, Polled};
use contracts::topics;
use processor::settings::GROUP;
use rustix::process::Signal;
use testbed::kafka::proxy::{Call, Frame, Moment, Proxy, Verdict};
use testbed::kafka::{Broker, Options};

use crate::cluster::Cluster;
use crate::process::PATIENCE;

/// A process is there again before the session of the one that was killed ends, on a busy machine, too.
const SESSION: Duration = Duration::from_secs(10);
const SYNC_GROUP: Call = Call::Other(14);
const SEND_EVERY: Duration = Duration::from_millis(50);

#[test]
fn of_two_processes_of_one_name_the_older_ends_and_names_the_other_and_nothing_comes_twice() {
    let broker = Broker::start(Options::default());
    let cluster = Cluster::on(&broker.bootstrap());
    cluster.configure("[processor]\nsession_timeout = '6s'\n");
    let older = cluster.service_in("older");
    older.wait_until_ready();
    let is_over = AtomicBool::new(false);
    let (sent, newer) = std::thread::scope(|scope| {
        let sending = scope.spawn(|| {
            let mut sent = Vec::new();
            while !is_over.load(Ordering::Acquire) {
                sent.push(format!("poison {}", sent.len()));
                cluster.send_poison(sent.last().unwrap());
                std::thread::sleep(SEND_EVERY);
            }
            sent
        });
        let _over = Over(&is_over);
        let newer = cluster.service_in("newer");
        let (status, said) = older.wait();
        let is_named =
            |line: &String| line.contains("`p` is the name of another process") && line.contains("127.0.0.1");
        assert!(status == 3 && said.iter().any(is_named), "{status}: {said:#?}");
        newer.wait_until_ready();
        is_over.store(true, Ordering::Release);
        (sending.join().unwrap(), newer)
    });
    cluster.wait_for_dead_letters(&sent);
    newer.signal(Signal::TERM);
    let (status, said) = newer.wait();
    assert_eq!(status, 0, "{said:#?}");
    assert!(!said.iter().any(|line| line.contains("displaced")), "the older came back: {said:#?}");
}

/// A member joins, the broker dies before it has written that down, and knows only its predecessor when it is back.
#[test]
fn who_is_displaced_by_a_member_without_a_process_goes_on_by_itself() {
    let mut proxy = Proxy::start(Options::default());
    let cluster = Cluster::on(proxy.address());
    cluster.configure(&format!("[processor]\nsession_timeout = '{}s'\n", SESSION.as_secs()));
    let predecessor = cluster.service();
    predecessor.wait_until_ready();
    drop(predecessor);
    let (joined, has_joined) = mpsc::channel();
    proxy.rule(move |Frame { client, call, moment }| match (call, moment) {
        (SYNC_GROUP, Moment::Request) => {
            if client == "p" {
                // It may ask more than once.
                let _ = joined.send(());
            }
            Verdict::Swallow
        }
        _ => Verdict::Pass,
    });
    let is_over = AtomicBool::new(false);
    let service = std::thread::scope(|scope| {
        // While a group finds its order, who joins is written down at the end.
        scope.spawn(|| disturb(&cluster, &is_over));
        let _over = Over(&is_over);
        let service = cluster.service();
        has_joined.recv_timeout(PATIENCE).unwrap();
        proxy.broker.kill();
        proxy.pass_all();
        proxy.broker.start_again();
        service
    });
    let sent: Vec<String> = (0..20).map(|number| format!("poison {number}")).collect();
    for text in &sent {
        cluster.send_poison(text);
    }
    service.wait_until_ready();
    cluster.wait_for_dead_letters(&sent);
    service.signal(Signal::TERM);
    let (status, said) = service.wait();
    assert_eq!(status, 0, "{said:#?}");
    assert!(said.iter().any(|line| line.contains("displaced")), "it was not: {said:#?}");
}

/// Another member of the group, which reads nothing.
fn disturb(cluster: &Cluster, is_over: &AtomicBool) {
    let settings = MemberSettings {
        group: GROUP.to_owned(),
        instance: Instance::new("disturber").unwrap(),
        is_static: false,
        topics: vec![topics::TELEMETRY_EVENTS.to_owned()],
        session_timeout: SESSION,
    };
    let mut member = cluster.bus.join(&settings).unwrap();
    let (mut batch, limit) = (Batch::default(), BatchLimit::default());
    while !is_over.load(Ordering::Acquire) {
        match member.poll(&mut batch, &limit) {
            Ok(Polled::Assigned(partitions)) => {
                let starts: Vec<_> = partitions.into_iter().map(|partition| (partition, Offset(0))).collect();
                member.accept(&starts).unwrap();
            }
            Ok(Polled::Revoked(partitions) | Polled::Lost(partitions)) => member.release(&partitions).unwrap(),
            // The broker goes and comes.
            Ok(Polled::Batch) | Err(_) => {}
        }
    }
}

/// However a test ends, be it by a panic, its other thread is not waited for in vain.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}
