//! The registry of content types, and the copy of it that appends use.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use audit_domain::{ContentType, ContentTypes};
use diesel::prelude::*;

use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::schema::content_types;

/// The numbers of stored types, by effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ContentTypesPut {
    /// Types that had no name before.
    pub new: usize,
    /// Types that had another name.
    pub changed: usize,
    /// Types that had the same name.
    pub unchanged: usize,
}

/// A name would belong to two numbers. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} already belongs to content type {other}")]
pub struct ContentTypeTaken {
    /// The name, as `app_label.model`.
    pub name: String,
    /// The number that already has the name.
    pub other: i64,
}

/// Reads all types, in the order of their numbers.
pub(crate) fn all(conn: &mut DbConnection) -> Result<Vec<ContentType>, StoreError> {
    let columns = (content_types::id, content_types::app_label, content_types::model);
    let rows: Vec<(i64, String, String)> = content_types::table.order(content_types::id).select(columns).load(conn)?;
    Ok(rows.into_iter().map(|(id, app_label, model)| ContentType { id, app_label, model }).collect())
}

/// Creates and renames types, all or none. If several types have the same number, the last one
/// counts.
pub(crate) fn put(conn: &mut DbConnection, types: &[ContentType]) -> Result<Result<ContentTypesPut, ContentTypeTaken>, StoreError> {
    let wanted: BTreeMap<i64, &ContentType> = types.iter().map(|wanted| (wanted.id, wanted)).collect();
    dialect::write_again_if_taken(conn, |conn| {
        let stored: HashMap<i64, ContentType> = all(conn)?.into_iter().map(|stored| (stored.id, stored)).collect();
        // The numbers that the names will have: the stored ones for other types, the wanted ones
        // for these types.
        let others = stored.values().filter(|other| !wanted.contains_key(&other.id));
        let mut names: HashMap<String, i64> = others.map(|other| (other.table_name(), other.id)).collect();
        for wanted in wanted.values() {
            if let Some(other) = names.insert(wanted.table_name(), wanted.id) {
                return Ok(Err(ContentTypeTaken { name: wanted.table_name(), other }));
            }
        }
        let (known, new): (Vec<&ContentType>, Vec<&ContentType>) =
            wanted.values().partition(|wanted| stored.contains_key(&wanted.id));
        let renamed: Vec<&ContentType> = known.iter().copied().filter(|wanted| stored.get(&wanted.id) != Some(*wanted)).collect();
        // All renamed types are deleted before any is inserted, so that two can swap their names.
        // They are deleted one by one, because a statement takes a limited number of values.
        for wanted in &renamed {
            diesel::delete(content_types::table.find(wanted.id)).execute(conn)?;
        }
        // The types are inserted in the order of names, so that two servers that store the same
        // types never wait for each other.
        let mut coming: Vec<&ContentType> = renamed.iter().chain(&new).copied().collect();
        coming.sort_by(|a, b| (&a.app_label, &a.model).cmp(&(&b.app_label, &b.model)));
        for wanted in coming {
            insert(conn, wanted)?;
        }
        Ok(Ok(ContentTypesPut { new: new.len(), changed: renamed.len(), unchanged: known.len() - renamed.len() }))
    })
}

fn insert(conn: &mut DbConnection, wanted: &ContentType) -> Result<(), StoreError> {
    let row =
        (content_types::id.eq(wanted.id), content_types::app_label.eq(&wanted.app_label), content_types::model.eq(&wanted.model));
    diesel::insert_into(content_types::table).values(row).execute(conn)?;
    Ok(())
}

/// The longest age of a copy. After this time every server knows a change that another one made.
const FRESH_FOR: Duration = Duration::from_secs(1);

/// A copy of the registry, so that an append needs no query. The next append sees a change that
/// this process made, and sees a change of another process after a second.
#[derive(Debug)]
pub(crate) struct Cache {
    fresh_for: Duration,
    kept: RwLock<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    types: Option<(Instant, Arc<ContentTypes>)>,
    /// The number of times that the copy was cleared.
    clears: u64,
}

impl Default for Cache {
    fn default() -> Cache {
        Cache { fresh_for: FRESH_FOR, kept: RwLock::default() }
    }
}

impl Cache {
    /// Returns the types. It reads them again once they are a second old.
    pub(crate) fn get(&self, read: impl FnOnce() -> Result<Vec<ContentType>, StoreError>) -> Result<Arc<ContentTypes>, StoreError> {
        let clears = {
            let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
            if let Some((at, types)) = &kept.types
                && at.elapsed() < self.fresh_for
            {
                return Ok(Arc::clone(types));
            }
            kept.clears
        };
        // The copy's age counts from before the read. So a change that another process makes during
        // the read is seen a second later at most.
        let at = Instant::now();
        let types: Arc<ContentTypes> = Arc::new(read()?.into_iter().collect());
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        // If this process changed a type since the read began, the result may be older than the
        // change and would hide it for a second.
        if kept.clears == clears {
            kept.types = Some((at, Arc::clone(&types)));
        }
        Ok(types)
    }

    /// Clears the copy. A read that is running will not become the copy.
    pub(crate) fn clear(&self) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        *kept = Kept { types: None, clears: kept.clears + 1 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(model: &str) -> Result<Vec<ContentType>, StoreError> {
        Ok(vec![ContentType::new(7, "orders", model).unwrap()])
    }

    fn cache(fresh_for: Duration) -> Cache {
        Cache { fresh_for, ..Cache::default() }
    }

    #[test]
    fn a_fresh_copy_costs_no_query_and_an_old_one_is_read_again() {
        let never = || -> Result<Vec<ContentType>, StoreError> { panic!("there is a copy") };
        let fresh = cache(Duration::MAX);
        assert_eq!(fresh.get(|| types("order")).unwrap(), fresh.get(never).unwrap());
        fresh.clear();
        assert_ne!(fresh.get(|| types("line")).unwrap(), cache(Duration::MAX).get(|| types("order")).unwrap());
        let old = cache(Duration::ZERO);
        assert_ne!(old.get(|| types("order")).unwrap(), old.get(|| types("line")).unwrap());
    }

    #[test]
    fn what_was_read_before_a_put_does_not_hide_it() {
        let cache = cache(Duration::MAX);
        let overtaken = cache.get(|| {
            cache.clear();
            types("order")
        });
        assert_ne!(cache.get(|| types("line")).unwrap(), overtaken.unwrap());
    }

    #[test]
    fn a_read_that_fails_leaves_nothing_behind() {
        let cache = cache(Duration::MAX);
        assert!(cache.get(|| Err(StoreError::Closed)).is_err());
        assert!(cache.get(|| types("order")).is_ok());
    }
}
