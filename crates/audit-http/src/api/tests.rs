//! Compares the OpenAPI document with the routes, with itself, and with the published text.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::App;
use serde_json::Value;

use super::*;
use crate::routes::Routes;
use crate::template::template;

fn json() -> Value {
    serde_json::from_str(openapi_json()).unwrap()
}

#[test]
fn every_route_is_in_the_document_with_the_methods_of_its_allow() {
    let mut mounted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    drop(App::new().configure(|service| {
        let mut routes = Routes::new(service);
        configure(&mut routes);
        for route in routes.mounted() {
            let methods = route.allow.split(", ").map(str::to_ascii_lowercase).collect();
            assert!(mounted.insert(template(route.path), methods).is_none(), "{} is mounted twice", route.path);
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
    let line = published.lines().zip(openapi_json().lines()).position(|(a, b)| a != b);
    assert!(
        published == openapi_json(),
        "docs/openapi.json is not what is served (first at line {:?}); if the change is meant, renew it with\n  \
         cargo run -p audit-server -- openapi > docs/openapi.json",
        line.map(|line| line + 1)
    );
}

#[test]
fn operation_names_are_unique_and_references_resolve() {
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
    let components = ["schemas", "parameters", "responses"].into_iter().flat_map(|kind| {
        let named = document["components"][kind].as_object().unwrap();
        named.keys().map(move |name| format!("#/components/{kind}/{name}"))
    });
    assert_eq!(references, components.collect(), "components that are used, and components that are there");
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

/// Every example of a request or an answer conforms to its schema.
#[test]
fn examples_conform() {
    let document = json();
    let mut checked = 0;
    let mut contents = Vec::new();
    let mut collect = |place: String, holder: &Value| {
        let types = holder.get("content").and_then(Value::as_object).into_iter().flatten();
        contents.extend(types.map(|(_, content)| (place.clone(), content.clone())));
    };
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let answers = operation["responses"].as_object().unwrap().values();
            answers.chain(operation.get("requestBody")).for_each(|holder| collect(format!("{method} {path}"), holder));
        }
    }
    for (name, response) in document["components"]["responses"].as_object().unwrap() {
        collect(name.clone(), response);
    }
    for (place, content) in contents {
        let Some(example) = content.get("example") else { continue };
        let schema = serde_json::json!({"allOf": [content["schema"]], "components": document["components"]});
        let validator = jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap();
        let errors: Vec<String> = validator.iter_errors(example).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{place}: {errors:?} in {example}");
        checked += 1;
    }
    assert!(checked > 30, "{checked}");
}
