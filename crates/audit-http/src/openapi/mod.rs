//! The OpenAPI document of everything that is served: one file per API, in the order that people read them.
//!
//! Handlers read raw JSON text and write it, so that values come back byte for byte, and no type of theirs has the shape that
//! goes over the wire. The schemas are therefore written by hand, with utoipa's types for the structure of the document and a
//! few words of our own ([`schema`], [`operation`], [`path`]) for what is in it. What keeps them true is not that they are
//! derived, but that they are checked: every route that is mounted is in the document with the methods of its `Allow`, every
//! answer that any test gets conforms to it, and the published text is `docs/openapi.json`. Names that handlers know as data
//! (filters, groups, keys, codes, limits) are taken from there.
//!
//! 405 is not among the answers: no documented method gets it, and OpenAPI has no place for the others.

mod audit_events;
mod channels;
mod drf;
mod errors;
mod events;
mod health;
mod operation;
mod path;
mod schema;
mod tokens;

use std::sync::LazyLock;

use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{ComponentsBuilder, Info, License, OpenApi, OpenApiBuilder, PathsBuilder};

const DESCRIPTION: &str = include_str!("description.md");

/// The document as text, with a line feed at its end. It is the same on every server of this version.
#[must_use]
pub fn openapi_json() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        // A document of maps and texts can always be written; the empty text would fail the test of the snapshot.
        document().to_pretty_json().map(|text| text + "\n").unwrap_or_default()
    });
    &TEXT
}

fn paths() -> Vec<path::Path> {
    [audit_events::paths(), events::paths(), tokens::paths(), channels::paths(), health::paths()].into_iter().flatten().collect()
}

fn document() -> OpenApi {
    let schemas =
        [errors::schemas(), drf::schemas(), audit_events::schemas(), events::schemas(), tokens::schemas(), channels::schemas()];
    let components =
        schemas.into_iter().flatten().fold(ComponentsBuilder::new(), |components, (name, schema)| components.schema(name, schema));
    let components = security().into_iter().fold(components, |components, (name, scheme)| components.security_scheme(name, scheme));
    let paths = paths().into_iter().map(path::Path::build).fold(PathsBuilder::new(), |paths, (path, item)| paths.path(path, item));
    let tags = TAGS.map(|(name, description)| TagBuilder::new().name(name).description(Some(description)).build());
    let mut info = Info::new("Audit log", env!("CARGO_PKG_VERSION"));
    info.description = Some(DESCRIPTION.to_owned());
    let mut license = License::new(env!("CARGO_PKG_LICENSE"));
    license.identifier = Some(env!("CARGO_PKG_LICENSE").to_owned());
    info.license = Some(license);
    OpenApiBuilder::new().info(info).tags(Some(tags)).paths(paths).components(Some(components.build())).build()
}

const TAGS: [(&str, &str); 6] = [
    (audit_events::OMS, "The published list of the OMS, in the style of Django REST framework."),
    (audit_events::DATA_WAREHOUSE, "The published list of the data warehouse, in the style of Django REST framework."),
    (events::TAG, "The native API of events: append, list by cursor, get, count."),
    (tokens::TAG, "Keys: making, listing and revoking them."),
    (channels::TAG, "The tenants."),
    (health::TAG, "For those who run the server."),
];

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

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use actix_web::App;
    use serde_json::Value;

    use super::*;
    use crate::routes::Routes;

    fn json() -> Value {
        serde_json::from_str(openapi_json()).unwrap()
    }

    #[test]
    fn every_route_is_in_the_document_with_the_methods_of_its_allow() {
        let mut mounted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        drop(App::new().configure(|service| {
            let mut routes = Routes::new(service);
            crate::api::configure(&mut routes);
            for route in routes.mounted() {
                let methods = route.allow.split(", ").map(str::to_ascii_lowercase).collect();
                assert!(mounted.insert(route.template(), methods).is_none(), "{} is mounted twice", route.path);
            }
        }));
        let methods = |item: &Value| item.as_object().unwrap().keys().cloned().collect::<BTreeSet<String>>();
        let written: BTreeMap<_, _> =
            json()["paths"].as_object().unwrap().iter().map(|(path, item)| (path.clone(), methods(item))).collect();
        assert_eq!(written, mounted);
    }

    #[test]
    fn the_published_document_is_the_served_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
        let published = std::fs::read_to_string(path).unwrap_or_default();
        if std::env::var_os("AUDIT_RENEW_OPENAPI").is_some() {
            std::fs::write(path, openapi_json()).unwrap();
            return;
        }
        let line = published.lines().zip(openapi_json().lines()).position(|(a, b)| a != b);
        assert!(
            published == openapi_json(),
            "docs/openapi.json is not what is served (first at line {:?}); if the change is meant, renew it with\n  \
             AUDIT_RENEW_OPENAPI=1 cargo test -p audit-http --lib openapi",
            line.map(|line| line + 1)
        );
    }

    #[test]
    fn names_of_operations_are_unique_and_every_reference_leads_somewhere() {
        let document = json();
        let mut ids = BTreeSet::new();
        for item in document["paths"].as_object().unwrap().values() {
            for operation in item.as_object().unwrap().values() {
                let id = operation["operationId"].as_str().unwrap();
                assert!(ids.insert(id.to_owned()), "{id}");
            }
        }
        let mut references = BTreeSet::new();
        collect(&document, &mut references);
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let known: BTreeSet<String> = schemas.keys().map(|name| format!("#/components/schemas/{name}")).collect();
        assert_eq!(references, known, "schemas that are used, and schemas that are there");
    }

    fn collect(value: &Value, references: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    references.insert(reference.clone());
                }
                members.values().for_each(|value| collect(value, references));
            }
            Value::Array(items) => items.iter().for_each(|value| collect(value, references)),
            _ => {}
        }
    }

    /// Each example is what its schema says, in requests and in answers.
    #[test]
    fn examples_conform() {
        let document = json();
        let mut checked = 0;
        let mut contents = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let answers = operation["responses"].as_object().unwrap().values();
                for place in answers.chain(operation.get("requestBody")) {
                    let types = place.get("content").and_then(Value::as_object).into_iter().flatten();
                    contents.extend(types.map(|(_, content)| (format!("{method} {path}"), content.clone())));
                }
            }
        }
        for (place, content) in contents {
            let Some(example) = content.get("example") else { continue };
            let schema = serde_json::json!({"allOf": [content["schema"]], "components": document["components"]});
            let validator = jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap();
            let errors: Vec<String> = validator.iter_errors(example).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{place}: {errors:?} in {example}");
            checked += 1;
        }
        assert!(checked > 50, "{checked}");
    }
}
