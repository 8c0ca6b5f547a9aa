//! Content types: the lists of the published APIs, and the native path that changes them.

mod openapi;

pub(super) use openapi::docs;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use audit_store::domain::{ContentType, ObjectWriter, canonical_integer};

use crate::admission::Room;
use crate::api::native::{Query, require_json};
use crate::auth::Caller;
use crate::blocking;
use crate::body::{self, Body};
use crate::drf::{self, BaseUrl, Paging};
use crate::failure::Failure;
use crate::params::Params;
use crate::problem;
use crate::routes::{Access, Resource, Routes};
use crate::state::Api;

pub(crate) const OMS_LIST: &str = "/api/v1/oms/settings/content_types/";
pub(crate) const LIST: &str = "/api/v1/data-warehouse/content-types/";
pub(crate) const REMOTE_LIST: &str = "/api/v1/remote/{channel_id:[0-9]+}/data-warehouse/content-types/";
pub(crate) const ONE: &str = "/api/v1/content-types/{id}";

pub(super) fn configure(routes: &mut Routes<'_>) {
    for path in [OMS_LIST, LIST, REMOTE_LIST] {
        routes.mount_published(Resource::new(path, drf::style("Content Type List")).get(Access::Read, list));
    }
    routes.mount(problem::resource(ONE).put(Access::AdminAllChannels, put));
}

/// The maximum bytes of a body. It is several times the size of two names of 100 characters with
/// every character escaped.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// Lists the content types of the whole installation. They belong to no channel.
async fn list(api: web::Data<Api>, request: HttpRequest, caller: Caller) -> Result<HttpResponse, Failure> {
    let origin = BaseUrl::from_request(&api.config, &request)?;
    let params = Params::parse(request.query_string());
    let paging = Paging::parse(&api.config, &params)?;
    let page = blocking::page(&api, &caller, false, move |store| {
        let wanted = |name: &str, value: &str| params.given(name).is_none_or(|wanted| wanted == value);
        let types = store.content_types()?.into_iter();
        let matching = types.filter(|t| wanted("app_label", &t.app_label) && wanted("model", &t.model));
        drf::write_page(paging.page_of(matching.collect()), &origin, &params, |_| 0, write)
    });
    Ok(drf::json(HttpResponse::Ok(), page.await??))
}

fn write(content_type: &ContentType, out: &mut String) {
    let mut object = ObjectWriter::new(out);
    object.integer("id", Some(content_type.id)).string("app_label", &content_type.app_label).string("model", &content_type.model);
    object.end();
}

/// Makes a content type, or renames it.
async fn put(
    api: web::Data<Api>,
    request: HttpRequest,
    payload: web::Payload,
    id: web::Path<String>,
    caller: Caller,
) -> Result<HttpResponse, Failure> {
    Query::parse(&request, &[])?;
    require_json(&request)?;
    let id = canonical_integer(&id).ok_or_else(|| Failure::not_found("The id of a content type is an integer."))?;
    let room = Room::for_administration(&api, &caller, BODY_BYTES_MAX);
    let body = Body::read(&api, &request, payload, room).await?;
    let content_type = ContentType::parse(id, body::text(&body.bytes)?)?;
    let wanted = content_type.clone();
    let put = blocking::write(&api, move |store| store.put_content_types(vec![wanted])).await??;
    let put = put.map_err(|taken| Failure::ContentTypeConflict(taken.to_string()))?;
    let mut body = String::new();
    write(&content_type, &mut body);
    let status = if put.new > 0 { StatusCode::CREATED } else { StatusCode::OK };
    Ok(HttpResponse::build(status).content_type("application/json").body(body))
}
