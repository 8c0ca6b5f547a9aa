//! Where handlers are mounted, and the list of it. actix cannot be asked what was registered, so every path goes through
//! [`Routes`]: the OpenAPI document is held to the list that it keeps, and the methods of a route are those of its `Allow`.

use actix_web::dev::Handler;
use actix_web::web::ServiceConfig;
use actix_web::{FromRequest, Responder, web};

use crate::api::add_slash;

/// A path and what may be done there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    /// As actix matches it: a segment in braces is a parameter, a colon in it introduces the pattern it has to match.
    pub(crate) path: &'static str,
    /// The methods, as `Allow` lists them. Handlers compare with it themselves, since who may do what comes before.
    pub(crate) allow: &'static str,
}

impl Route {
    pub(crate) const fn new(path: &'static str, allow: &'static str) -> Route {
        Route { path, allow }
    }

    /// The path as OpenAPI writes it.
    pub(crate) fn template(&self) -> String {
        template(self.path)
    }
}

/// A path without the patterns that actix has in it: `/{channel_id:[0-9]+}/` is `/{channel_id}/`.
pub(crate) fn template(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for (at, part) in path.split('{').enumerate() {
        match part.split_once('}') {
            Some((parameter, rest)) if at > 0 => {
                let name = parameter.split(':').next().unwrap_or(parameter);
                out.push_str(&format!("{{{name}}}{rest}"));
            }
            _ => out.push_str(part),
        }
    }
    out
}

/// Mounts handlers into an actix service, and remembers where.
pub(crate) struct Routes<'a> {
    service: &'a mut ServiceConfig,
    mounted: Vec<Route>,
}

impl<'a> Routes<'a> {
    pub(crate) fn new(service: &'a mut ServiceConfig) -> Routes<'a> {
        Routes { service, mounted: Vec::new() }
    }

    /// A handler for all methods: it answers those that are not in `allow` too. The first that matches a path gets it.
    pub(crate) fn mount<F, Args>(&mut self, route: Route, handler: F)
    where
        F: Handler<Args, Output: Responder + 'static>,
        Args: FromRequest + 'static,
    {
        self.service.route(route.path, web::to(handler));
        self.mounted.push(route);
    }

    /// A path of a published API, which ends in a slash, and the redirect to it from the path without.
    pub(crate) fn mount_published<F, Args>(&mut self, route: Route, handler: F)
    where
        F: Handler<Args, Output: Responder + 'static>,
        Args: FromRequest + 'static,
    {
        self.redirect(route.path.trim_end_matches('/'), add_slash);
        self.mount(route, handler);
    }

    /// A path that is the same with a slash at its end.
    pub(crate) fn mount_with_slash<F, Args>(&mut self, route: Route, handler: F)
    where
        F: Handler<Args, Output: Responder + 'static>,
        Args: FromRequest + 'static,
    {
        self.service.route(&format!("{}/", route.path), web::to(handler.clone()));
        self.mount(route, handler);
    }

    /// A path that only leads to another one.
    pub(crate) fn redirect<F, Args>(&mut self, path: &str, handler: F)
    where
        F: Handler<Args, Output: Responder + 'static>,
        Args: FromRequest + 'static,
    {
        self.service.route(path, web::to(handler));
    }

    /// What was mounted. Redirects and twins with a slash are not in it.
    #[cfg(test)]
    pub(crate) fn mounted(&self) -> &[Route] {
        &self.mounted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_has_no_patterns() {
        for (path, wanted) in [
            ("/a", "/a"),
            ("/a/{id}/", "/a/{id}/"),
            (r"/a/{id:[0-9]+}/b/{uuid}", "/a/{id}/b/{uuid}"),
            ("/docs/{file:.*}", "/docs/{file}"),
        ] {
            assert_eq!(Route::new(path, "GET").template(), wanted);
        }
    }
}
