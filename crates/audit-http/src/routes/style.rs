//! The style of an API: the order of its checks, its answer to OPTIONS, and the form of its
//! failures. Each API defines its style beside its renderer. This module does not know the
//! individual styles.

use actix_web::http::Method;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};

use crate::auth::Caller;
use crate::failure::Failure;

/// The style of an API.
#[derive(Clone, Copy)]
pub(crate) struct ApiStyle {
    /// Renders a failure as this API sends it.
    pub(crate) render: fn(&Failure) -> HttpResponse,
    /// Whether every answer has the header `Allow`, not only the answer to OPTIONS.
    pub(crate) always_sends_allow: bool,
    /// Checks the permission before the check of the method.
    pub(crate) check_permission: fn(&Caller, &Method) -> Result<(), Failure>,
    /// Checks the format after the check of the method, also for OPTIONS.
    pub(crate) check_format: fn(&HttpRequest) -> Result<(), Failure>,
    /// Makes the answer to OPTIONS, without `Allow`.
    pub(crate) options: fn(&'static str) -> HttpResponse,
    /// The name of the list or the item in the answer to OPTIONS, if the answer names it.
    pub(crate) name: &'static str,
}

impl ApiStyle {
    /// Makes a style without checks of its own, whose answer to OPTIONS has no body.
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

    /// Makes the final response of an answer.
    pub(super) fn finish(&self, answer: Result<HttpResponse, Failure>, allow: &HeaderValue) -> HttpResponse {
        let mut response = answer.unwrap_or_else(|failure| (self.render)(&failure));
        if self.always_sends_allow {
            response.headers_mut().insert(ALLOW, allow.clone());
        }
        response
    }
}
