//! Checkpoints in a real S3-compatible store. The directory has the long tests; here are those in which the store takes part.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bus::Offset;
use bus::config::Checkpoints;
use bus::connection::{S3Connection, S3Credentials, Secret};
use processor::metrics::{Alarm, TaskFigures};
use processor::{Failpoints, Point, Processor, ProcessorError, Stage, StateLoss, Stopped, TaskId};
use testbed::s3::{self, Store};

use crate::kill::kill_often;
use crate::loss::{AT_WORK, Scene, TASKS, goes_on_exactly, run};
use crate::points;
use crate::world::send;

const KILLS: u32 = 4;
/// It is looked once a second whether a checkpoint is due.
const LIFE_MS_MAX: u64 = 4_000;

/// In the store that all tests share.
pub fn bucket(prefix: &str) -> Checkpoints {
    bucket_at(&Store::shared().endpoint(), prefix)
}

pub fn bucket_at(endpoint: &str, prefix: &str) -> Checkpoints {
    Checkpoints::S3(S3Connection {
        bucket: s3::BUCKET.to_owned(),
        prefix: prefix.to_owned(),
        endpoint: Some(endpoint.to_owned()),
        region: "us-east-1".to_owned(),
        authorities: None,
        credentials: S3Credentials {
            access_key: s3::ACCESS_KEY.to_owned(),
            secret_key: Secret::new(s3::SECRET_KEY),
            session_token: None,
        },
    })
}

#[test]
fn processors_that_end_at_points_of_a_checkpoint_in_a_store_lose_and_repeat_nothing() {
    for point in [Point::RestoreBegun, Point::Restored, Point::CheckpointWritten, Point::CheckpointVisible] {
        points::check(point, &|folder| bucket(&format!("points/{}", folder.file_name().unwrap().to_str().unwrap())));
    }
}

#[test]
fn a_process_killed_at_any_instant_with_checkpoints_in_a_store_loses_and_repeats_nothing() {
    kill_often(KILLS, LIFE_MS_MAX, Some("kill"));
    let (shown, unfinished) = seen("kill");
    println!("{} checkpoints, {unfinished} uploads that are not over", shown.len());
    assert!(!shown.is_empty(), "nobody lived long enough for a checkpoint");
}

#[test]
fn a_lost_state_is_made_again_from_a_store() {
    let scene = Scene::storing(|_| bucket("lost"));
    scene.lose("state");
    goes_on_exactly(&scene, AT_WORK);
}

/// The newest object of the partition that the events are in is spoilt by another client.
#[test]
fn of_checkpoints_in_a_store_a_damaged_one_is_passed_over() {
    let spoil = r"
keys = sorted(o['Key'] for o in s3.list_objects_v2(Bucket=bucket, Prefix=sys.argv[1])['Contents'] if 'telemetry.events.v1-0' in o['Key'])
body = bytearray(s3.get_object(Bucket=bucket, Key=keys[-1])['Body'].read())
if sys.argv[2] == 'flip': body[len(body) // 2] ^= 1
else: body = body[:-40]
s3.put_object(Bucket=bucket, Key=keys[-1], Body=bytes(body))
";
    for damage in ["flip", "cut"] {
        let prefix = format!("damaged-{damage}");
        let scene = Scene::storing(|_| bucket(&prefix));
        scene.lose("state");
        Store::shared().boto(spoil, &[&prefix, damage]);
        goes_on_exactly(&scene, AT_WORK);
    }
}

/// What another client sees: names of objects, and how many uploads are not over.
fn seen(prefix: &str) -> (Vec<String>, usize) {
    let script = r"
import hashlib
found = []
for o in s3.list_objects_v2(Bucket=bucket, Prefix=sys.argv[1] + '/').get('Contents', []):
    body = s3.get_object(Bucket=bucket, Key=o['Key'])['Body'].read()
    assert hashlib.sha256(body[:-32]).digest() == body[-32:], o['Key']
    found.append(o['Key'])
uploads = s3.list_multipart_uploads(Bucket=bucket).get('Uploads', [])
print(len([u for u in uploads if u['Key'].startswith(sys.argv[1] + '/')]))
print('\n'.join(found))
";
    let text = Store::shared().boto(script, &[prefix]);
    let mut lines = text.lines();
    let uploads = lines.next().unwrap().parse().unwrap();
    (lines.map(str::to_owned).filter(|line| !line.is_empty()).collect(), uploads)
}

#[test]
fn a_checkpoint_is_seen_once_it_may_be_and_two_are_kept() {
    let scene = Scene::storing(|_| bucket("seen"));
    let mut processor = scene.start(StateLoss::Refuse).unwrap();
    let before = seen("seen");
    // A task that took nothing has a newer checkpoint under the same name.
    let kept = 2 * AT_WORK + (TASKS - AT_WORK);
    assert_eq!((before.0.len(), before.1), (kept, 0));
    send(&scene.log, 0, 80, 40);
    run(&mut processor).unwrap();
    let checkpoints = processor.checkpoints.as_mut().unwrap();
    assert_eq!(checkpoints.write().unwrap(), TASKS);
    assert_eq!(seen("seen"), (before.0.clone(), TASKS), "written, and not to be seen");
    assert_eq!(checkpoints.show().unwrap(), TASKS);
    let (after, unfinished) = seen("seen");
    assert_eq!((after.len(), unfinished), (kept, 0));
    assert!(after.iter().filter(|name| !before.0.contains(name)).count() > 0, "{after:?}");
}

#[test]
fn what_a_process_left_unfinished_is_removed_by_the_next() {
    let scene = Scene::storing(|_| bucket("orphans"));
    let failpoints =
        Failpoints::new(|point| if point == Point::CheckpointWritten { Err(Stopped(point)) } else { Ok(()) });
    let bus = std::sync::Arc::new(scene.log.clone());
    let standin = std::sync::Arc::new(crate::standin::Standin);
    let mut processor = Processor::start(bus, scene.settings(), standin, failpoints).unwrap();
    run(&mut processor).unwrap();
    let stopped = processor.checkpoints.as_mut().unwrap().write().unwrap_err();
    assert!(matches!(stopped, ProcessorError::Stopped(_)), "{stopped:?}");
    drop(processor);
    assert_eq!(seen("orphans").1, 1);

    let mut processor = scene.start(StateLoss::Refuse).unwrap();
    run(&mut processor).unwrap();
    let checkpoints = processor.checkpoints.as_mut().unwrap();
    assert_eq!(checkpoints.write().unwrap(), TASKS);
    assert_eq!(seen("orphans").1, TASKS, "its own, and nobody else's");
    assert_eq!(checkpoints.show().unwrap(), TASKS);
    assert_eq!(seen("orphans").1, 0);
}

/// The newest checkpoint of the partition that the events are in, and the alarm, once it was looked.
fn looked_at(scene: &Scene) -> (Option<Offset>, Option<Alarm>) {
    let processor = scene.start(StateLoss::Refuse).unwrap();
    let watch = processor.watch();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let running = scope.spawn(|| processor.run(&stop));
        let seen = loop {
            let tasks = watch.metrics().map(|metrics| metrics.tasks).unwrap_or_default();
            let is_looked_at = |task: &&TaskFigures| task.task == TASK && task.lag.is_some();
            if let Some(task) = tasks.iter().find(is_looked_at) {
                break (task.checkpoint.map(|checkpoint| checkpoint.at), task.alarm);
            }
            assert!(!running.is_finished(), "it ended");
            std::thread::sleep(Duration::from_millis(50));
        };
        stop.store(true, Ordering::SeqCst);
        running.join().unwrap().unwrap();
        seen
    })
}

const TASK: TaskId = TaskId { stage: Stage::Events, partition: 0 };

#[test]
fn checkpoints_in_a_store_count_for_the_alarm_of_retention() {
    let scene = Scene::storing(|_| bucket("alarm"));
    scene.forget_input();
    // An hour is not enough for a checkpoint's age and a restore, but there is one.
    assert_eq!(looked_at(&scene), (Some(Offset(80)), Some(Alarm::KeptTooShort)));
    let remove = "for o in s3.list_objects_v2(Bucket=bucket, Prefix='alarm/')['Contents']: s3.delete_object(Bucket=bucket, Key=o['Key'])";
    Store::shared().boto(remove, &[]);
    assert_eq!(looked_at(&scene), (None, Some(Alarm::NoCheckpoint)));
}

#[test]
fn a_store_that_is_away_holds_nothing_up_but_a_restore_which_goes_on_when_it_is_back() {
    let mut store = Store::start();
    let scene = Scene::storing(|_| bucket_at(&store.endpoint(), "away"));
    store.kill();
    let mut processor = scene.start(StateLoss::Refuse).unwrap();
    send(&scene.log, 0, 80, 40);
    run(&mut processor).unwrap();
    let error = processor.checkpoints.as_mut().unwrap().write().unwrap_err();
    assert!(error.is_passing() && error.to_string().contains(&store.endpoint()), "{error}");
    drop(processor);

    scene.lose("state");
    let mut processor = scene.start(StateLoss::Refuse).unwrap();
    let error = run(&mut processor).unwrap_err();
    assert!(error.is_passing() && error.to_string().contains("s3://checkpoints/away"), "{error}");
    store.start_again();
    run(&mut processor).unwrap();
    assert_eq!(scene.restored.load(Ordering::SeqCst), AT_WORK);
    crate::oracle::check(&scene.log);
}
