//! How an API speaks: the order of its checks, its answer to OPTIONS, and the form of its failures. Each API has its style beside
//! its renderer; what is here knows none of them.

use actix_web::http::Method;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};

use crate::auth::Caller;
use crate::failure::Failure;

/// The style of an API.
#[derive(Clone, Copy)]
pub(crate) struct ApiStyle {
    /// A failure as this API sends it.
    pub(crate) render: fn(&Failure) -> HttpResponse,
    /// Whether `Allow` is sent with every answer, and not only with that to OPTIONS.
    pub(crate) always_sends_allow: bool,
    /// What comes before the check of the method.
    pub(crate) check_permission: fn(&Caller, &Method) -> Result<(), Failure>,
    /// What comes after the check of the method, for OPTIONS too.
    pub(crate) check_format: fn(&HttpRequest) -> Result<(), Failure>,
    /// The answer to OPTIONS, without `Allow`.
    pub(crate) options: fn(&'static str) -> HttpResponse,
    /// What OPTIONS calls the list or the item, where it names it.
    pub(crate) name: &'static str,
}

impl ApiStyle {
    /// A style without checks of its own, whose OPTIONS has no body.
    pub(crate) const fn new(render: fn(&Failure) -> HttpResponse, always_sends_allow: bool) -> ApiStyle {
        ApiStyle {
            render,
            always_sends_allow,
            check_permission: |_, _| Ok(()),
            check_format: |_| Ok(()),
            options: |_| HttpResponse::NoContent().finish(),
            name: "",
        }
    }

    pub(super) fn options(&self, allow: &HeaderValue) -> HttpResponse {
        let mut response = (self.options)(self.name);
        response.headers_mut().insert(ALLOW, allow.clone());
        response
    }

    /// An answer as it goes out.
    pub(super) fn finish(&self, answer: Result<HttpResponse, Failure>, allow: &HeaderValue) -> HttpResponse {
        let mut response = answer.unwrap_or_else(|failure| (self.render)(&failure));
        if self.always_sends_allow {
            response.headers_mut().insert(ALLOW, allow.clone());
        }
        response
    }
}
