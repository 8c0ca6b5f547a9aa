//! The registry of object types, and the copy of it that appends look into.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use audit_domain::{ContentType, ContentTypes};
use diesel::prelude::*;

use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::schema::content_types;

/// What became of the types that were put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ContentTypesPut {
    /// Had no name before.
    pub new: usize,
    /// Had another one.
    pub changed: usize,
    /// Had this one.
    pub unchanged: usize,
}

/// A name that belongs to another number; nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} is the name of content type {other} already")]
pub struct ContentTypeTaken {
    /// The name, as `app_label.model`.
    pub name: String,
    /// The type that has it.
    pub other: i64,
}

/// All of them, by number.
pub(crate) fn all(conn: &mut DbConnection) -> Result<Vec<ContentType>, StoreError> {
    let columns = (content_types::id, content_types::app_label, content_types::model);
    let rows: Vec<(i64, String, String)> = content_types::table.order(content_types::id).select(columns).load(conn)?;
    Ok(rows.into_iter().map(|(id, app_label, model)| ContentType { id, app_label, model }).collect())
}

/// Makes and renames types, all or none.
pub(crate) fn put(conn: &mut DbConnection, types: &[ContentType]) -> Result<Result<ContentTypesPut, ContentTypeTaken>, StoreError> {
    dialect::write(conn, |conn| {
        let stored: HashMap<i64, ContentType> = all(conn)?.into_iter().map(|stored| (stored.id, stored)).collect();
        let wanted: HashMap<i64, &ContentType> = types.iter().map(|wanted| (wanted.id, wanted)).collect();
        // What the names will belong to: those of other numbers as they are, those of these numbers as they are wanted.
        let others = stored.values().filter(|other| !wanted.contains_key(&other.id));
        let mut names: HashMap<String, i64> = others.map(|other| (other.table_name(), other.id)).collect();
        let mut put = ContentTypesPut::default();
        let mut changes = Vec::new();
        for wanted in types {
            match names.insert(wanted.table_name(), wanted.id) {
                Some(other) if other != wanted.id => return Ok(Err(ContentTypeTaken { name: wanted.table_name(), other })),
                _ => {}
            }
            match stored.get(&wanted.id) {
                Some(stored) if stored == wanted => put.unchanged += 1,
                Some(_) => {
                    put.changed += 1;
                    changes.push(wanted);
                }
                None => {
                    put.new += 1;
                    changes.push(wanted);
                }
            }
        }
        // All of them go before one comes, so that two can swap their names.
        let ids: Vec<i64> = changes.iter().map(|wanted| wanted.id).collect();
        diesel::delete(content_types::table.filter(content_types::id.eq_any(ids))).execute(conn)?;
        for wanted in changes {
            diesel::insert_into(content_types::table)
                .values((
                    content_types::id.eq(wanted.id),
                    content_types::app_label.eq(&wanted.app_label),
                    content_types::model.eq(&wanted.model),
                ))
                .execute(conn)?;
        }
        Ok(Ok(put))
    })
}

/// A copy of the registry: what is put in this process is seen by the next append, what another server puts a second later.
#[derive(Debug, Default)]
pub(crate) struct Cache(RwLock<Option<(Instant, Arc<ContentTypes>)>>);

const FRESH_FOR: Duration = Duration::from_secs(1);

impl Cache {
    /// The types, read again once they are a second old.
    pub(crate) fn get(&self, read: impl FnOnce() -> Result<Vec<ContentType>, StoreError>) -> Result<Arc<ContentTypes>, StoreError> {
        if let Some((at, types)) = &*self.0.read().unwrap_or_else(PoisonError::into_inner)
            && at.elapsed() < FRESH_FOR
        {
            return Ok(Arc::clone(types));
        }
        // The time is that of before the read: what is put meanwhile is seen a second after it at the latest.
        let at = Instant::now();
        let types: Arc<ContentTypes> = Arc::new(read()?.into_iter().collect());
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some((at, Arc::clone(&types)));
        Ok(types)
    }

    /// Forgets the copy.
    pub(crate) fn clear(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
