//! How an API speaks: the order of its checks, its answer to OPTIONS, and the form of its failures.

use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};

use crate::auth::Caller;
use crate::failure::Failure;
use crate::{api, drf, problem};

/// The style of an API.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ApiStyle {
    /// Problem details.
    Native,
    /// Django REST framework. The name is what OPTIONS calls the view.
    Drf { name: &'static str },
    /// The inventory page.
    Inventory,
}

impl ApiStyle {
    /// What comes before the check of the method. DRF looks at permissions first: whoever may not write gets 403 for every method
    /// that writes, whether the path has it or not.
    pub(super) fn check_permission(self, caller: &Caller, request: &HttpRequest) -> Result<(), Failure> {
        match self {
            ApiStyle::Drf { .. } => drf::check_permission(caller, request.method()),
            ApiStyle::Native | ApiStyle::Inventory => Ok(()),
        }
    }

    /// What comes after the check of the method, OPTIONS included.
    pub(super) fn check_format(self, request: &HttpRequest) -> Result<(), Failure> {
        match self {
            ApiStyle::Drf { .. } => drf::check_format(request),
            ApiStyle::Native | ApiStyle::Inventory => Ok(()),
        }
    }

    /// The answer to OPTIONS.
    pub(super) fn options(self, allow: &str) -> HttpResponse {
        match self {
            ApiStyle::Drf { name } => drf::metadata(name),
            ApiStyle::Inventory => HttpResponse::NoContent().finish(),
            ApiStyle::Native => HttpResponse::NoContent().insert_header((ALLOW, allow)).finish(),
        }
    }

    /// A failure as this API sends it.
    pub(crate) fn render(self, failure: &Failure) -> HttpResponse {
        match self {
            ApiStyle::Native => problem::render(failure),
            ApiStyle::Drf { .. } => drf::render(failure),
            ApiStyle::Inventory => api::inventory::render(failure),
        }
    }

    /// The response as it goes out: the published APIs send `Allow` with every answer.
    pub(super) fn finish(self, mut response: HttpResponse, allow: &HeaderValue) -> HttpResponse {
        if !matches!(self, ApiStyle::Native) {
            response.headers_mut().insert(ALLOW, allow.clone());
        }
        response
    }
}
