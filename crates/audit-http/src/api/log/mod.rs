//! `/log/`: the logs as C2SP tlog-tiles serves them, for programs that verify: verifier keys,
//! checkpoints, tiles and consistency proofs.

mod openapi;
mod root;

pub(super) use openapi::docs;

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use audit_store::domain::log::{ConsistencyProof, Tile, TileKind};
use audit_store::domain::{ChannelId, Stream};
use audit_store::{Log, LogStream, Store, StoreError};
use serde::Deserialize;

use crate::api::native::Query;
use crate::auth::Caller;
use crate::blocking;
use crate::failure::{Failure, InvalidParameter};
use crate::problem;
use crate::routes::{Access, Routes};
use crate::state::Api;

pub(crate) const KEYS: &str = "/log/vkey";
pub(crate) const CHECKPOINT: &str = "/log/{channel_id}/{stream}/checkpoint";
pub(crate) const CONSISTENCY: &str = "/log/{channel_id}/{stream}/consistency";
pub(crate) const TILE: &str = "/log/{channel_id}/{stream}/{tile:tile/.*}";

/// The media types of C2SP tlog-tiles.
const TEXT: &str = "text/plain; charset=utf-8";
const BYTES: &str = "application/octet-stream";

/// A tile never changes. A year is the longest time that caches take.
const FOR_EVER: &str = "max-age=31536000, immutable";

/// A checkpoint is replaced within a second of an append.
const ALWAYS_NEW: &str = "no-cache";

pub(super) fn configure(routes: &mut Routes<'_>) {
    routes.mount(problem::resource(KEYS).get(Access::ReadLog, keys));
    routes.mount(problem::resource(root::CHECKPOINT).get(Access::ReadLog, root::checkpoint));
    routes.mount(problem::resource(root::CONSISTENCY).get(Access::ReadLog, root::consistency));
    routes.mount(problem::resource(root::TILE).get(Access::ReadLog, root::tile));
    routes.mount(problem::resource(CHECKPOINT).get(Access::ReadLog, checkpoint));
    routes.mount(problem::resource(CONSISTENCY).get(Access::ReadLog, consistency));
    routes.mount(problem::resource(TILE).get(Access::ReadLog, tile));
}

/// The log in a path.
#[derive(Debug, Clone, Deserialize)]
struct Place {
    channel_id: String,
    stream: String,
    #[serde(default)]
    tile: String,
}

impl Place {
    /// The channel and the stream, if they have this form and the caller may read them.
    fn log(&self, caller: &Caller) -> Result<(ChannelId, Stream), Failure> {
        let channel = self.channel_id.parse().ok().filter(|channel| caller.token.channels.allows(*channel));
        // The form is canonical: one log has one path.
        let channel = channel.filter(|channel: &ChannelId| channel.to_string() == self.channel_id);
        channel.zip(Stream::from_name(&self.stream)).ok_or_else(|| self.missing())
    }

    fn missing(&self) -> Failure {
        let Place { channel_id, stream, .. } = self;
        Failure::not_found(format!(
            "The log {channel_id}/{stream} has no signed checkpoint: it has no entries, or no server signs it."
        ))
    }
}

async fn keys(api: web::Data<Api>, request: HttpRequest, caller: Caller) -> Result<HttpResponse, Failure> {
    Query::parse(&request, &[])?;
    let granted = caller.token.channels.clone();
    let keys = blocking::query(&api, &caller, move |store| {
        // Every reader may verify the root log.
        Ok::<_, StoreError>([store.verifier_keys(&granted)?, store.root_verifier_keys()?].concat())
    });
    let keys = keys.await??;
    let lines: String = keys.iter().map(|key| format!("{key}\n")).collect();
    Ok(HttpResponse::Ok().content_type(TEXT).insert_header((CACHE_CONTROL, ALWAYS_NEW)).body(lines))
}

async fn checkpoint(
    api: web::Data<Api>,
    request: HttpRequest,
    place: web::Path<Place>,
    caller: Caller,
) -> Result<HttpResponse, Failure> {
    Query::parse(&request, &[])?;
    let (channel, stream) = place.log(&caller)?;
    let note = blocking::point_read(&api, 0, move |store| {
        let logs = store.channels(channel);
        match stream {
            Stream::Events => note_of(&logs.events()),
            Stream::ActionLogs => note_of(&logs.action_logs()),
            Stream::Checkpoints => Ok(None),
        }
    });
    let note = note.await??.ok_or_else(|| place.missing())?;
    Ok(HttpResponse::Ok().content_type(TEXT).insert_header((CACHE_CONTROL, ALWAYS_NEW)).body(note))
}

fn note_of<S: LogStream>(log: &Log<S>) -> Result<Option<String>, StoreError> {
    Ok(log.checkpoint()?.map(|signed| signed.note().to_owned()))
}

async fn tile(api: web::Data<Api>, request: HttpRequest, place: web::Path<Place>, caller: Caller) -> Result<HttpResponse, Failure> {
    Query::parse(&request, &[])?;
    let (channel, stream) = place.log(&caller)?;
    let missing = || Failure::not_found(format!("The log has no {}.", place.tile));
    let tile: Tile = place.tile.parse().map_err(|_| missing())?;
    let read = move |store: &Store| {
        let logs = store.channels(channel);
        match stream {
            Stream::Events => tile_of(&logs.events(), tile),
            Stream::ActionLogs => tile_of(&logs.action_logs(), tile),
            Stream::Checkpoints => Ok(None),
        }
    };
    // A tile of entries is computed from up to 256 entries of any size.
    let contents = match tile.kind() {
        TileKind::Entries => blocking::query(&api, &caller, read).await??,
        TileKind::Hashes { .. } => blocking::point_read(&api, 0, read).await??,
    };
    let caching = caching_of_tile(&api);
    let response = |contents| HttpResponse::Ok().content_type(BYTES).insert_header((CACHE_CONTROL, caching)).body(contents);
    contents.map(response).ok_or_else(missing)
}

fn caching_of_tile(api: &Api) -> HeaderValue {
    let shared = if api.config.public_log { "public" } else { "private" };
    HeaderValue::from_str(&format!("{shared}, {FOR_EVER}")).unwrap_or(HeaderValue::from_static(ALWAYS_NEW))
}

/// Reads a tile of the signed tree.
fn tile_of<S: LogStream>(log: &Log<S>, tile: Tile) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(signed) = log.checkpoint()? else { return Ok(None) };
    match tile.kind() {
        TileKind::Entries => signed.tree().entries(tile),
        TileKind::Hashes { .. } => signed.tree().tile(tile),
    }
}

async fn consistency(
    api: web::Data<Api>,
    request: HttpRequest,
    place: web::Path<Place>,
    caller: Caller,
) -> Result<HttpResponse, Failure> {
    let (channel, stream) = place.log(&caller)?;
    let Sizes { from, to } = Sizes::parse(&request)?;
    let proof = blocking::query(&api, &caller, move |store| {
        let logs = store.channels(channel);
        match stream {
            Stream::Events => consistency_of(&logs.events(), from, to),
            Stream::ActionLogs => consistency_of(&logs.action_logs(), from, to),
            Stream::Checkpoints => Ok(None),
        }
    });
    Sizes { from, to }.respond(proof.await??.ok_or_else(|| place.missing())?)
}

/// The sizes of the two trees in a query.
struct Sizes {
    from: u64,
    to: Option<u64>,
}

impl Sizes {
    fn parse(request: &HttpRequest) -> Result<Sizes, Failure> {
        let mut query = Query::parse(request, &["from", "to"])?;
        let size = |text: &str| {
            let canonical = text.parse().ok().filter(|size: &u64| size.to_string() == text);
            canonical.ok_or_else(|| "must be a number of entries: digits without leading zeros".to_owned())
        };
        let (from, to) = (query.parsed("from", size), query.parsed("to", size));
        query.finish()?;
        let from = from.ok_or_else(|| parameter("from", "from is required: the number of entries of the older tree"))?;
        Ok(Sizes { from, to })
    }

    /// The response with a proof; the error is the size of the newest checkpoint.
    fn respond(&self, proof: Result<String, u64>) -> Result<HttpResponse, Failure> {
        let body = proof.map_err(|size| {
            let text = format!("from and to must be at most the size of the newest checkpoint ({size}), and from at most to");
            parameter(if self.to.is_some_and(|to| to > size) { "to" } else { "from" }, &text)
        })?;
        Ok(HttpResponse::Ok().content_type("application/json").body(body))
    }
}

fn parameter(name: &str, message: &str) -> Failure {
    Failure::Parameters(vec![InvalidParameter::new(name, message.to_owned())])
}

/// The proof as JSON. The inner error is the size of the newest checkpoint, for sizes that it does not
/// have; `None` without a checkpoint.
fn consistency_of<S: LogStream>(log: &Log<S>, from: u64, to: Option<u64>) -> Result<Option<Result<String, u64>>, StoreError> {
    let Some(signed) = log.checkpoint()? else { return Ok(None) };
    let size = signed.tree().size();
    let to = to.unwrap_or(size);
    let proof = signed.tree().consistency_between(from, to)?;
    Ok(Some(proof.ok_or(size).map(|consistency| ConsistencyProof { from, to, consistency }.to_string())))
}
