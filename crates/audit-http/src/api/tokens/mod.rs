//! `/api/v1/tokens`: administrators make, list and revoke tokens within their own channels.

mod openapi;

pub(super) use openapi::docs;

use actix_web::{HttpRequest, HttpResponse, web};
use audit_store::StoreError;
use audit_store::domain::validator::Validate;
use audit_store::domain::{
    ChannelGrant, ChannelId, JsonError, JsonKind, JsonText, Members, NewToken, ObjectWriter, Role, Timestamp, Token, TokenKey,
    canonical_integer, push_array,
};

use crate::admission::{Room, SMALL_BODY_BYTES_MAX};
use crate::api::native::{Query, require_json};
use crate::auth::{Caller, Forbidden};
use crate::blocking;
use crate::body::{self, Body};
use crate::failure::{ERRORS_MAX, Failure, InvalidMember};
use crate::problem;
use crate::routes::{Access, Routes};
use crate::state::Api;

pub(crate) const LIST: &str = "/api/v1/tokens";
pub(crate) const ONE: &str = "/api/v1/tokens/{id}";

pub(super) fn configure(routes: &mut Routes<'_>) {
    routes.mount(problem::resource(LIST).get(Access::Admin, list).post(Access::Admin, create));
    routes.mount(problem::resource(ONE).delete(Access::Admin, revoke));
}

async fn list(api: web::Data<Api>, request: HttpRequest, caller: Caller) -> Result<HttpResponse, Failure> {
    Query::parse(&request, &[])?;
    let granted = caller.token.channels.clone();
    let page = blocking::page(&api, &caller, false, move |store| {
        let tokens = store.tokens()?;
        let visible = tokens.iter().filter(|token| granted.covers(&token.channels));
        let mut body = String::new();
        let mut object = ObjectWriter::new(&mut body);
        object.nested("results", |out| push_array(out, visible, |token, out| write(token, None, out)));
        object.end();
        Ok::<_, StoreError>(body)
    });
    Ok(HttpResponse::Ok().content_type("application/json").body(page.await??))
}

async fn create(api: web::Data<Api>, request: HttpRequest, payload: web::Payload, caller: Caller) -> Result<HttpResponse, Failure> {
    Query::parse(&request, &[])?;
    require_json(&request)?;
    let room = Room::for_administration(&api, &caller, SMALL_BODY_BYTES_MAX);
    let body = Body::read(&api, &request, payload, room).await?;
    // A server with a wrong clock stores no token.
    let token = read(body::text(&body.bytes)?, api.store.now().ok()).map_err(Failure::Members)?;
    if !caller.token.channels.covers(&token.channels) {
        return Err(Forbidden.into());
    }
    let (token, key) = blocking::write(&api, move |store| store.create_token(token)).await??;
    let mut body = String::new();
    write(&token, Some(&key), &mut body);
    Ok(HttpResponse::Created().content_type("application/json").body(body))
}

async fn revoke(api: web::Data<Api>, request: HttpRequest, id: web::Path<String>, caller: Caller) -> Result<HttpResponse, Failure> {
    Query::parse(&request, &[])?;
    let missing = || Failure::not_found("There is no such token, or it is revoked already.");
    let id = canonical_integer(&id).ok_or_else(missing)?;
    let within = caller.token.channels.clone();
    if blocking::write(&api, move |store| store.revoke_token(id, within)).await?? {
        return Ok(HttpResponse::NoContent().finish());
    }
    Err(missing())
}

fn write(token: &Token, key: Option<&TokenKey>, out: &mut String) {
    let mut object = ObjectWriter::new(out);
    object.integer("id", Some(token.id)).string("name", &token.name).string("role", token.role.name());
    match &token.channels {
        ChannelGrant::All => object.string("channels", "*"),
        only => object.raw("channels", &format!("[{}]", only.to_list())),
    };
    object.string("created_at", &token.created_at.to_string());
    let instant = |object: &mut ObjectWriter<'_>, name: &str, at: Option<Timestamp>| match at {
        Some(at) => {
            object.string(name, &at.to_string());
        }
        None => {
            object.raw(name, "null");
        }
    };
    instant(&mut object, "expires_at", token.expires_at);
    match key {
        Some(key) => {
            object.string("key", key.reveal());
        }
        None => instant(&mut object, "revoked_at", token.revoked_at),
    }
    object.end();
}

/// Reads `{"name","role","channels","expires_at"?}`.
fn read(text: &str, now: Option<Timestamp>) -> Result<NewToken, Vec<InvalidMember>> {
    let whole = |error: JsonError| vec![InvalidMember { pointer: String::new(), line: None, message: error.to_string() }];
    let members = Members::parse(text).map_err(whole)?;
    let mut errors: Vec<InvalidMember> = Vec::new();
    let mut fault = |name: &str, detail: String| {
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        errors.push(InvalidMember { pointer, line: None, message: format!("{name} {detail}") });
    };
    let known = ["name", "role", "channels", "expires_at"];
    for member in members.iter().filter(|member| !known.contains(&member.name.as_str())).take(ERRORS_MAX) {
        fault(&member.name, format!("is not known; known are {}", known.join(", ")));
    }
    for name in known.iter().filter(|name| members.iter().filter(|member| member.name == **name).count() > 1) {
        fault(name, "is given more than once".to_owned());
    }
    let given = |name: &str| members.last(name).filter(|value| value.kind() != JsonKind::Null);
    let text = |name: &str| given(name).and_then(JsonText::decoded).and_then(|d| d.as_str().map(str::to_owned));
    let name = text("name").unwrap_or_default();
    let role = text("role").and_then(|role| role.parse().ok());
    let role = role.unwrap_or_else(|| {
        fault("role", "must be given, as admin, writer or reader".to_owned());
        Role::Reader
    });
    let channels = given("channels").and_then(channels).unwrap_or_else(|| {
        fault("channels", "must be given, as a list such as [1,2], or \"*\"".to_owned());
        ChannelGrant::Only([].into())
    });
    let expires_at = given("expires_at").map(Timestamp::from_json).transpose();
    let expires_at = expires_at.map_err(|why| fault("expires_at", why.to_string())).unwrap_or(None);
    if expires_at.is_some_and(|end| now.is_some_and(|now| end <= now)) {
        fault("expires_at", "must be in the future: such a key would open nothing".to_owned());
    }
    let token = NewToken { name, role, channels, expires_at };
    if let Err(invalid) = token.validate() {
        for (field, faults) in invalid.field_errors() {
            for message in faults.iter().filter_map(|fault| fault.message.as_deref()) {
                fault(field.as_ref(), message.to_owned());
            }
        }
    }
    if errors.is_empty() { Ok(token) } else { Err(errors) }
}

/// Reads `"*"` or a list of at least one channel.
fn channels(json: &JsonText) -> Option<ChannelGrant> {
    if json.as_str() == "\"*\"" {
        return Some(ChannelGrant::All);
    }
    let ids: Vec<i64> = serde_json::from_str(json.as_str()).ok()?;
    let channels: Option<std::collections::BTreeSet<ChannelId>> = ids.into_iter().map(ChannelId::new).collect();
    channels.filter(|set| !set.is_empty()).map(ChannelGrant::Only)
}
