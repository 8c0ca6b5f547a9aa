//! One path: its methods, who may use each method, and the checks before its handler runs.
//!
//! A handler takes its inputs from its signature (such as the [`Caller`]), calls the store, and
//! writes the result. This module checks the key, the method, the role and the media type of the
//! answer, in the order of the API's style. It also answers OPTIONS and renders failures.

use std::rc::Rc;

use actix_web::dev::{Handler, Payload};
use actix_web::http::Method;
use actix_web::http::header::HeaderValue;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, web};
use audit_store::domain::{ChannelGrant, Role};
use futures_util::future::LocalBoxFuture;

use super::ApiStyle;
use super::authenticate::authenticate;
use crate::auth::{Caller, Forbidden};
use crate::failure::Failure;
use crate::state::Api;

/// Who may use a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody, without a key. Either all methods of a path are open or none.
    Open,
    /// Tokens that may read.
    Read,
    /// Tokens that may append.
    Append,
    /// Tokens of administrators.
    Admin,
    /// Tokens that may read; everybody, without a key, if the configuration says so.
    ReadLog,
    /// Tokens that may read all channels.
    ReadAllChannels,
    /// Tokens of administrators of all channels.
    AdminAllChannels,
}

impl Access {
    pub(crate) fn check(self, caller: &Caller) -> Result<(), Forbidden> {
        let Caller { token, .. } = caller;
        let has_role = match self {
            Access::Open => true,
            Access::Read | Access::ReadLog | Access::ReadAllChannels => token.role.reads(),
            Access::Append => token.role.writes(),
            Access::Admin | Access::AdminAllChannels => token.role == Role::Admin,
        };
        let needs_all = matches!(self, Access::ReadAllChannels | Access::AdminAllChannels);
        if has_role && (!needs_all || token.channels == ChannelGrant::All) { Ok(()) } else { Err(Forbidden) }
    }
}

type Answer = Result<HttpResponse, Failure>;

/// A handler, with the types of its inputs erased.
type Run = Rc<dyn Fn(HttpRequest, Payload) -> LocalBoxFuture<'static, Answer>>;

#[derive(Clone)]
struct Served {
    method: Method,
    access: Access,
    run: Run,
}

impl Served {
    /// Returns whether this handler answers the method. HEAD is GET without the body, and actix
    /// leaves out the body.
    fn answers(&self, method: &Method) -> bool {
        self.method == *method || (self.method == Method::GET && *method == Method::HEAD)
    }
}

/// A path, its methods and its style.
#[derive(Clone)]
pub(crate) struct Resource {
    path: &'static str,
    style: ApiStyle,
    served: Vec<Served>,
    /// The methods as `Allow` lists them.
    allow: String,
}

impl Resource {
    /// Makes a resource without methods. The path is written as actix matches it: a segment in
    /// braces is a parameter, and a colon in the braces introduces the pattern that the segment
    /// must match.
    pub(crate) fn new(path: &'static str, style: ApiStyle) -> Resource {
        Resource { path, style, served: Vec::new(), allow: Method::OPTIONS.to_string() }
    }

    pub(crate) fn get<F, Args>(self, access: Access, handler: F) -> Resource
    where
        F: Handler<Args, Output = Answer>,
        Args: FromRequest + 'static,
    {
        self.method(Method::GET, access, handler)
    }

    pub(crate) fn post<F, Args>(self, access: Access, handler: F) -> Resource
    where
        F: Handler<Args, Output = Answer>,
        Args: FromRequest + 'static,
    {
        self.method(Method::POST, access, handler)
    }

    pub(crate) fn put<F, Args>(self, access: Access, handler: F) -> Resource
    where
        F: Handler<Args, Output = Answer>,
        Args: FromRequest + 'static,
    {
        self.method(Method::PUT, access, handler)
    }

    pub(crate) fn delete<F, Args>(self, access: Access, handler: F) -> Resource
    where
        F: Handler<Args, Output = Answer>,
        Args: FromRequest + 'static,
    {
        self.method(Method::DELETE, access, handler)
    }

    fn method<F, Args>(mut self, method: Method, access: Access, handler: F) -> Resource
    where
        F: Handler<Args, Output = Answer>,
        Args: FromRequest + 'static,
    {
        self.served.push(Served { method, access, run: erased(handler) });
        debug_assert!(self.served.iter().all(|other| (other.access == Access::Open) == (access == Access::Open)), "{}", self.path);
        let has_get = self.served.iter().any(|served| served.method == Method::GET);
        let methods = self.served.iter().map(|served| served.method.as_str());
        self.allow = methods.chain(has_get.then_some("HEAD")).chain(["OPTIONS"]).collect::<Vec<_>>().join(", ");
        self
    }

    pub(super) fn path(&self) -> &'static str {
        self.path
    }

    pub(super) fn allow(&self) -> &str {
        &self.allow
    }

    /// Makes the actix handler that answers all methods.
    pub(super) fn into_handler(self) -> impl Handler<(web::Data<Api>, HttpRequest, web::Payload), Output = HttpResponse> {
        // Methods are ASCII.
        let allow = HeaderValue::from_str(&self.allow).unwrap_or_else(|_| HeaderValue::from_static("OPTIONS"));
        let resource = Rc::new((self, allow));
        move |api: web::Data<Api>, request: HttpRequest, payload: web::Payload| {
            let resource = resource.clone();
            async move {
                let (resource, allow) = &*resource;
                let answer = resource.answer(&api, request, payload.into_inner(), allow).await;
                resource.style.finish(answer, allow)
            }
        }
    }

    async fn answer(&self, api: &Api, request: HttpRequest, payload: Payload, allow: &HeaderValue) -> Answer {
        let caller = match self.needs_key() {
            true if self.is_public(api) => Some(Caller::anonymous(api.config.default_channel, &request)),
            true => Some(authenticate(api, &request).await?),
            false => None,
        };
        if let Some(caller) = &caller {
            (self.style.check_permission)(caller, request.method())?;
        }
        let served = self.served.iter().find(|served| served.answers(request.method()));
        if served.is_none() && request.method() != Method::OPTIONS {
            return Err(Failure::MethodNotAllowed { method: request.method().to_string(), allow: self.allow.clone() });
        }
        (self.style.check_format)(&request)?;
        let Some(served) = served else { return Ok(self.style.options(allow)) };
        if let Some(caller) = caller {
            served.access.check(&caller)?;
            request.extensions_mut().insert(caller);
        }
        (served.run)(request, payload).await
    }

    /// Whether everybody may read this path, as the configuration says.
    fn is_public(&self, api: &Api) -> bool {
        api.config.public_log && self.served.iter().all(|served| served.access == Access::ReadLog)
    }

    fn needs_key(&self) -> bool {
        self.served.iter().any(|served| served.access != Access::Open)
    }
}

fn erased<F, Args>(handler: F) -> Run
where
    F: Handler<Args, Output = Answer>,
    Args: FromRequest + 'static,
{
    Rc::new(move |request, mut payload| {
        let handler = handler.clone();
        Box::pin(async move {
            let args = Args::from_request(&request, &mut payload).await.map_err(|error| not_extracted(error.into()))?;
            handler.call(args).await
        })
    })
}

/// Handles a signature that asks for something that its path does not have, such as a second
/// parameter.
fn not_extracted(error: actix_web::Error) -> Failure {
    tracing::error!(%error, "internal error");
    Failure::Internal
}
