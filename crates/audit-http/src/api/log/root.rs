//! `/log/root/`: the root log, whose entries are the checkpoints of all other logs. It shows how often and
//! by how much they grow, and nothing else, so every key that may read any channel may read it.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};
use audit_store::domain::log::{ConsistencyProof, Tile, TileKind};
use audit_store::{RootCheckpoint, Store, StoreError};

use super::{ALWAYS_NEW, BYTES, Sizes, TEXT, caching_of_tile};
use crate::api::native::Query;
use crate::auth::Caller;
use crate::blocking;
use crate::failure::Failure;
use crate::state::Api;

pub(crate) const CHECKPOINT: &str = "/log/root/checkpoint";
pub(crate) const CONSISTENCY: &str = "/log/root/consistency";
pub(crate) const TILE: &str = "/log/root/{tile:tile/.*}";

fn missing() -> Failure {
    Failure::not_found(
        "The root log has no signed checkpoint: no log has one yet, or no server signs them; the first comes within seconds.",
    )
}

pub(super) async fn checkpoint(api: web::Data<Api>, request: HttpRequest, _: Caller) -> Result<HttpResponse, Failure> {
    Query::parse(&request, &[])?;
    let note =
        blocking::point_read(&api, 0, |store| Ok::<_, StoreError>(store.root_log().served()?.map(|root| root.note().to_owned())));
    let note = note.await??.ok_or_else(missing)?;
    Ok(HttpResponse::Ok().content_type(TEXT).insert_header((CACHE_CONTROL, ALWAYS_NEW)).body(note))
}

pub(super) async fn tile(
    api: web::Data<Api>,
    request: HttpRequest,
    path: web::Path<String>,
    caller: Caller,
) -> Result<HttpResponse, Failure> {
    Query::parse(&request, &[])?;
    let missing = || Failure::not_found(format!("The root log has no {path}."));
    let tile: Tile = path.parse().map_err(|_| missing())?;
    let read = move |store: &Store| match newest(store)? {
        Some(root) => root.tile(tile),
        None => Ok(None),
    };
    let contents = match tile.kind() {
        TileKind::Entries => blocking::query(&api, &caller, read).await??,
        TileKind::Hashes { .. } => blocking::point_read(&api, 0, read).await??,
    };
    let caching = caching_of_tile(&api);
    let response = |contents| HttpResponse::Ok().content_type(BYTES).insert_header((CACHE_CONTROL, caching)).body(contents);
    contents.map(response).ok_or_else(missing)
}

pub(super) async fn consistency(api: web::Data<Api>, request: HttpRequest, caller: Caller) -> Result<HttpResponse, Failure> {
    let Sizes { from, to } = Sizes::parse(&request)?;
    let proof = blocking::query(&api, &caller, move |store| {
        let Some(root) = newest(store)? else { return Ok::<_, StoreError>(None) };
        let end = to.unwrap_or(root.size());
        let proof = root.consistency_between(from, end)?;
        Ok(Some(proof.ok_or(root.size()).map(|consistency| ConsistencyProof { from, to: end, consistency }.to_string())))
    });
    Sizes { from, to }.respond(proof.await??.ok_or_else(missing)?)
}

fn newest(store: &Store) -> Result<Option<RootCheckpoint>, StoreError> {
    store.root_log().newest()
}
