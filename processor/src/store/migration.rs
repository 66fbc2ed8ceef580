//! State that older releases wrote: brought to this release's form, version by version, when the store is opened.
//!
//! Invariant: migrations run once each, in order, and the store says which have run. One that was stopped runs again from
//! its beginning, so each must come to the same end from wherever it was stopped; its own record is written last.

use super::{Batch, Result, Store, StoreError, keys};

/// The first version that landed.
pub(super) const FIRST: u32 = 1;
/// Of the state as a whole. Rows have versions of their own beside it (`detection::view`).
pub const VERSION: u32 = newest(ALL);

pub(super) struct Migration {
    /// The version that it leads to, from the one before.
    pub to: u32,
    pub name: &'static str,
    pub run: fn(&Store) -> Result<()>,
}

/// A version that landed is never changed: what must change is a new entry here, and a test that opens the older one.
pub(super) const ALL: &[Migration] = &[];

pub(super) fn run(store: &Store, migrations: &[Migration]) -> Result<()> {
    let known = newest(migrations);
    let Some(found) = version(store)? else {
        let mut batch = Batch::default();
        batch.batch.put(keys::VERSION, known.to_be_bytes());
        return store.write(&batch);
    };
    if found > known {
        return Err(StoreError::TooNew { path: store.path.clone(), found, known });
    }
    for Migration { to, name, run } in migrations.iter().filter(|migration| migration.to > found) {
        let failed = |source| StoreError::Migration {
            path: store.path.clone(),
            from: to - 1,
            to: *to,
            name,
            source: Box::new(source),
        };
        run(store).map_err(failed)?;
        let mut batch = Batch::default();
        batch.batch.put(keys::migrated(*to), name);
        batch.batch.put(keys::VERSION, to.to_be_bytes());
        store.write(&batch).map_err(failed)?;
        tracing::info!(path = %store.path.display(), version = to, migration = name, "the state was migrated");
    }
    Ok(())
}

const fn newest(migrations: &[Migration]) -> u32 {
    match migrations.last() {
        Some(last) => last.to,
        None => FIRST,
    }
}

fn version(store: &Store) -> Result<Option<u32>> {
    let Some(bytes) = store.db.get(keys::VERSION).map_err(|error| store.reading(&error))? else { return Ok(None) };
    let version = bytes.try_into().map(u32::from_be_bytes);
    version.map(Some).map_err(|_| store.malformed("the version"))
}
