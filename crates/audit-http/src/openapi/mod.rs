//! Makes the OpenAPI document from the parts of the APIs. Each API has its part in the file
//! `openapi.rs` of its folder.
//!
//! Handlers read and write raw JSON text, so that values come back byte for byte. So they do not
//! have types with the form of requests and answers, and the schemas cannot be derived. The schemas
//! are written manually: utoipa's types make the structure of the document, and short functions of
//! this crate ([`schema`], [`operation`], [`path`]) make its contents. Tests check the document
//! instead: every mounted route is in it with the methods of its `Allow`, every answer in any test
//! conforms to it, and the published text is `docs/openapi.json`. Names that the handlers have as
//! data (filters, groups, keys, codes, limits) come from this data.
//!
//! The answers do not include 405: no documented method gets it, and OpenAPI does not have a place
//! for the methods that do.

mod bound;
pub(crate) mod errors;
pub(crate) mod operation;
pub(crate) mod path;
pub(crate) mod schema;

use operation::SharedResponses;
use utoipa::openapi::path::Parameter;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{ComponentsBuilder, Info, License, OpenApi, OpenApiBuilder, PathsBuilder, RefOr, Schema};

/// The part of the document that an API adds.
#[derive(Default)]
pub(crate) struct ApiDocs {
    /// The group of its operations, with a sentence. `None` if it does not have operations, or if
    /// its operations are in the group of another API.
    pub(crate) tag: Option<(&'static str, &'static str)>,
    pub(crate) paths: Vec<path::Path>,
    /// The schemas, by their names in `components`.
    pub(crate) schemas: Vec<(String, RefOr<Schema>)>,
    /// The parameters, by their names in `components`.
    pub(crate) parameters: Vec<(String, Parameter)>,
}

const DESCRIPTION: &str = include_str!("description.md");

/// Makes the document of these APIs, in the order in which people read them.
pub(crate) fn document(apis: Vec<ApiDocs>) -> OpenApi {
    let (mut shared, mut paths, mut tags) = (SharedResponses::new(), PathsBuilder::new(), Vec::new());
    let mut components = ComponentsBuilder::new();
    for api in apis {
        tags.extend(api.tag.map(|(name, text)| TagBuilder::new().name(name).description(Some(text)).build()));
        for path in api.paths {
            let (path, item) = path.build(&mut shared);
            paths = paths.path(path, item);
        }
        components = api.schemas.into_iter().fold(components, |all, (name, schema)| all.schema(name, schema));
        components = api.parameters.into_iter().fold(components, |all, (name, parameter)| all.parameter(name, parameter));
    }
    components = shared.into_iter().fold(components, |all, (name, response)| all.response(name, response));
    components = security().into_iter().fold(components, |all, (name, scheme)| all.security_scheme(name, scheme));
    let mut info = Info::new("Audit log", env!("CARGO_PKG_VERSION"));
    info.description = Some(DESCRIPTION.to_owned());
    let mut license = License::new(env!("CARGO_PKG_LICENSE"));
    license.identifier = Some(env!("CARGO_PKG_LICENSE").to_owned());
    info.license = Some(license);
    OpenApiBuilder::new().info(info).tags(Some(tags)).paths(paths).components(Some(components.build())).build()
}

fn security() -> Vec<(&'static str, SecurityScheme)> {
    let http = |scheme, description: &str| {
        let mut http = Http::new(scheme);
        http.description = Some(description.to_owned());
        SecurityScheme::Http(http)
    };
    let token = utoipa::openapi::security::ApiKeyValue::with_description(
        "Authorization",
        "`Token KEY`, as Django REST framework has it. The bare key is taken too.",
    );
    vec![
        ("token", SecurityScheme::ApiKey(utoipa::openapi::security::ApiKey::Header(token))),
        ("bearer", http(HttpAuthScheme::Bearer, "The key.")),
        ("basic", http(HttpAuthScheme::Basic, "The key is the password; the name is not looked at.")),
    ]
}
