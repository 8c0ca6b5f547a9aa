//! Mounts the handlers and keeps a list of them. actix does not list its routes, so every path goes
//! through [`Routes`]. A test compares the OpenAPI document with this list.

mod authenticate;
mod resource;
mod style;

pub(crate) use resource::{Access, Resource};
pub(crate) use style::ApiStyle;

use actix_web::dev::Handler;
use actix_web::http::Method;
use actix_web::http::header::LOCATION;
use actix_web::web::ServiceConfig;
use actix_web::{FromRequest, HttpRequest, HttpResponse, Responder, web};

use crate::state::Api;

/// Mounts resources into an actix service and lists them.
pub(crate) struct Routes<'a> {
    service: &'a mut ServiceConfig,
    mounted: Vec<Mounted>,
}

/// A path as actix matches it, and the methods that `Allow` lists there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mounted {
    pub(crate) path: &'static str,
    pub(crate) allow: String,
}

impl<'a> Routes<'a> {
    pub(crate) fn new(service: &'a mut ServiceConfig) -> Routes<'a> {
        Routes { service, mounted: Vec::new() }
    }

    /// Mounts a resource for all methods. The resource also answers the methods that it does not
    /// have. If several paths match a request, the path that was mounted first gets it.
    pub(crate) fn mount(&mut self, resource: Resource) {
        let (path, allow) = (resource.path(), resource.allow().to_owned());
        self.service.route(path, web::to(resource.into_handler()));
        self.mounted.push(Mounted { path, allow });
    }

    /// Mounts a path of a published API, which ends in a slash, and a redirect to it from the path
    /// without the slash.
    pub(crate) fn mount_published(&mut self, resource: Resource) {
        self.redirect(resource.path().trim_end_matches('/'), add_slash);
        self.mount(resource);
    }

    /// Mounts a path, and the same path with a slash at its end.
    pub(crate) fn mount_with_slash(&mut self, resource: Resource) {
        self.service.route(&format!("{}/", resource.path()), web::to(resource.clone().into_handler()));
        self.mount(resource);
    }

    /// Mounts a path that only redirects to another path.
    pub(crate) fn redirect<F, Args>(&mut self, path: &str, handler: F)
    where
        F: Handler<Args, Output: Responder + 'static>,
        Args: FromRequest + 'static,
    {
        self.service.route(path, web::to(handler));
    }

    /// Returns the mounted paths, without redirects and without the copies with a slash.
    #[cfg(test)]
    pub(crate) fn mounted(&self) -> &[Mounted] {
        &self.mounted
    }
}

/// Redirects from a published path without its slash, as Django does: for every method, before any
/// check. The location starts with the public URL, because this URL may have a path prefix that
/// only the proxy knows.
///
/// Django answers 301 to all methods. Most clients follow a 301 with a GET. The GET gets 200, and
/// the event is lost without an error. So a POST gets 308: a client follows it with the same method
/// and body, or not at all. The other methods store nothing at these paths.
async fn add_slash(api: web::Data<Api>, request: HttpRequest) -> HttpResponse {
    let uri = request.uri();
    let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
    let origin = api.config.public_url.as_deref().unwrap_or("").trim_end_matches('/');
    let location = format!("{origin}{}/{query}", uri.path());
    let is_post = request.method() == Method::POST;
    let mut response = if is_post { HttpResponse::PermanentRedirect() } else { HttpResponse::MovedPermanently() };
    response.insert_header((LOCATION, location)).finish()
}
