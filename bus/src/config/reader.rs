//! The keys at the top of the file, and the tables `[embedded]`, `[api]`, `[log]` and `[traces]`.

use std::path::PathBuf;
use std::time::Duration;

use contracts::nearest::nearest;
use contracts::settings::{Reported, Table, parse_duration, show_duration};
use contracts::topology::LogKind;

use super::{Api, Config, EmbeddedSettings, Log, LogForm};
use super::{connections, processor};
use crate::Instance;
use crate::connection::S3Credentials;
use crate::embedded::{Flush, Memory, Options};

/// `data_dir` is where data lies when nothing says otherwise; `None`: something has to. `s3_credentials` count where the
/// settings name none.
pub(super) fn config(
    root: &Table<'_>,
    data_dir: Option<PathBuf>,
    s3_credentials: Option<S3Credentials>,
) -> Result<Config, Reported> {
    let instance = root.parsed("instance", INSTANCE, parse_instance, |name| name.as_str().to_owned()).optional();
    let dir = match data_dir {
        Some(data_dir) => root.path("dir").or_from(data_dir, "`tripline` in the user's data directory"),
        None => root.path("dir").required(),
    };
    let topology = root.path("topology").optional();
    let kafka = root.table("kafka");
    let bus = if kafka.is_set("brokers") { LogKind::Kafka } else { LogKind::Embedded };
    let bus =
        root.word("bus", &LogKind::WORDS).or_from(bus, "\"kafka\" where `kafka.brokers` is set, else \"embedded\"");
    let embedded = embedded(&root.table("embedded"));
    let kafka = connections::kafka(&kafka, bus);
    let registry = connections::registry(&root.table("registry"));
    let api = api(&root.table("api"));
    let data_dir = dir.as_deref().map_err(|reported| *reported);
    let processor = processor::processor(&root.table("processor"), data_dir, s3_credentials);
    let log_form = root.table("log").word("format", &LOG_FORMS).or(LogForm::default());
    let traces = connections::address(&root.table("traces"), "endpoint").optional();
    let embedded = embedded?;
    let log = kafka?.map_or(Log::Embedded(embedded), Log::Kafka);
    Ok(Config {
        file: None,
        instance: instance?,
        dir: dir?,
        topology: topology?,
        log,
        registry: registry?,
        api: api?,
        processor: processor?,
        log_form: log_form?,
        traces: traces?,
        keys: Vec::new(),
    })
}

fn embedded(table: &Table<'_>) -> Result<EmbeddedSettings, Reported> {
    let Options { flush, memory, disk_reserve_bytes, .. } = Options::default();
    let flush = table.parsed("flush", FLUSH, parse_flush, |flush| show_flush(*flush)).or(flush);
    let block_cache = table.size("block_cache_bytes", 1 << 20..=64 << 30).or(memory.block_cache_bytes as u64);
    let write_buffer = table.size("write_buffer_bytes", 4 << 20..=64 << 30).or(memory.write_buffer_bytes as u64);
    let disk_reserve = table.size("disk_reserve_bytes", 0..=1 << 40).or(disk_reserve_bytes);
    let in_memory = |bytes: u64| usize::try_from(bytes).expect("invariant: 64 GiB fit into a 64-bit address space");
    let memory =
        Memory { block_cache_bytes: in_memory(block_cache?), write_buffer_bytes: in_memory(write_buffer?), ..memory };
    Ok(EmbeddedSettings { flush: flush?, memory, disk_reserve_bytes: disk_reserve? })
}

fn api(table: &Table<'_>) -> Result<Api, Reported> {
    Ok(Api { listen: table.loopback_address("listen").optional()? })
}

const LOG_FORMS: [(&str, LogForm); 2] = [("text", LogForm::Text), ("json", LogForm::Json)];

const FLUSH: &str = "a duration from 1ms to 1m, \"every-write\" or \"os-decides\"";

fn parse_flush(text: &str) -> Result<Flush, Option<String>> {
    match text {
        "every-write" => Ok(Flush::EveryWrite),
        "os-decides" => Ok(Flush::OsDecides),
        _ => match parse_duration(text).map(|duration| u64::try_from(duration.as_millis())) {
            Some(Ok(millis @ 1..=60_000)) => Ok(Flush::EveryMillis(millis)),
            _ => Err(nearest(text, ["every-write", "os-decides"]).map(|near| format!("did you mean \"{near}\"?"))),
        },
    }
}

fn show_flush(flush: Flush) -> String {
    match flush {
        Flush::EveryWrite => "every-write".to_owned(),
        Flush::OsDecides => "os-decides".to_owned(),
        Flush::EveryMillis(millis) => show_duration(Duration::from_millis(millis)),
    }
}

const INSTANCE: &str = "a name of letters, digits, `.`, `_` and `-`, at most 200 of them";

fn parse_instance(text: &str) -> Result<Instance, Option<String>> {
    Instance::new(text).map_err(|_| None)
}
