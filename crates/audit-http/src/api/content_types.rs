//! Object types: the lists of the published APIs, and their upkeep at the native one.

use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use audit_store::domain::{ChannelGrant, ContentType, ObjectWriter, canonical_integer};

use super::native::{Query, body_text, check_method};
use crate::admission::Room;
use crate::auth::{Caller, Forbidden};
use crate::body::{Body, media_type};
use crate::drf::{self, BaseUrl, DrfError, Paging};
use crate::params::Params;
use crate::problem::{Code, ERRORS_MAX, Problem, input_errors};
use crate::routes::{Route, Routes};
use crate::{Api, blocking};

pub(crate) const OMS_LIST: Route = Route::new("/api/v1/oms/settings/content_types/", ALLOW_LIST);
pub(crate) const LIST: Route = Route::new("/api/v1/data-warehouse/content-types/", ALLOW_LIST);
pub(crate) const REMOTE_LIST: Route = Route::new(r"/api/v1/remote/{channel_id:[0-9]+}/data-warehouse/content-types/", ALLOW_LIST);
pub(crate) const ONE: Route = Route::new("/api/v1/content-types/{id}", "PUT, OPTIONS");

const ALLOW_LIST: &str = "GET, HEAD, OPTIONS";

pub(super) fn configure(routes: &mut Routes<'_>) {
    for route in [OMS_LIST, LIST, REMOTE_LIST] {
        routes.mount_published(route, list);
    }
    routes.mount(ONE, put);
}

/// Bytes of a body: several times what two names of 100 characters take, every one of them escaped.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// The types of the whole installation: they belong to no channel.
async fn list(api: web::Data<Api>, request: HttpRequest) -> HttpResponse {
    let result = async {
        let caller = Caller::authenticate(&api, &request).await?;
        drf::check_method(&caller, &request, ALLOW_LIST)?;
        let params = Params::parse(request.query_string());
        drf::check_format(&request, &params)?;
        if request.method() == Method::OPTIONS {
            return Ok(drf::metadata("Content Type List"));
        }
        let origin = BaseUrl::from_request(&api.config, &request)?;
        let paging = Paging::parse(&api.config, &params)?;
        let page = blocking::page(&api, &caller, false, move |store| {
            let wanted = |name: &str, value: &str| params.given(name).is_none_or(|wanted| wanted == value);
            let types = store.content_types()?.into_iter();
            let matching = types.filter(|t| wanted("app_label", &t.app_label) && wanted("model", &t.model));
            drf::write_page(paging.page_of(matching.collect()), &origin, &params, |_| 0, write)
        });
        Ok::<_, DrfError>(drf::json(HttpResponse::Ok(), page.await??))
    };
    drf::respond(result.await, ALLOW_LIST)
}

fn write(content_type: &ContentType, out: &mut String) {
    let mut object = ObjectWriter::new(out);
    object.integer("id", Some(content_type.id)).string("app_label", &content_type.app_label).string("model", &content_type.model);
    object.end();
}

/// Makes a type, or renames it.
async fn put(
    api: web::Data<Api>,
    request: HttpRequest,
    payload: web::Payload,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::authenticate(&api, &request).await?;
    if let Some(response) = check_method(&request, ONE.allow)? {
        return Ok(response);
    }
    caller.require_admin()?;
    if caller.token.channels != ChannelGrant::All {
        return Err(Forbidden.into());
    }
    Query::parse(&request, &[])?;
    let media_type = media_type(&request);
    if !matches!(media_type.as_str(), "" | "application/json") {
        return Err(Problem::unsupported_media_type(&media_type, "application/json"));
    }
    let id = canonical_integer(&id).ok_or_else(|| Problem::not_found("A content type has an integer for its id."))?;
    let body = Body::read(&api, &request, payload, Room::for_administration(&api, &caller, BODY_BYTES_MAX)).await?;
    let faulty = |error| Problem::invalid_body(input_errors("", error).into_iter().take(ERRORS_MAX).collect());
    let content_type = ContentType::parse(id, body_text(&body.bytes)?).map_err(faulty)?;
    let wanted = content_type.clone();
    let put = blocking::write(&api, move |store| store.put_content_types(vec![wanted])).await??;
    let put = put.map_err(|taken| Problem::new(Code::Conflict, format!("{taken}; nothing was changed.")))?;
    let mut body = String::new();
    write(&content_type, &mut body);
    let status = if put.new > 0 { StatusCode::CREATED } else { StatusCode::OK };
    Ok(HttpResponse::build(status).content_type("application/json").body(body))
}
