//! Every answer that any test gets, held to the OpenAPI document: its status, its media type, its headers and its body.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use super::{Answer, Ask, Json};

/// The parameter that stands for several segments of a path, which OpenAPI cannot say.
const TILE: &str = "{tile}";

/// The document, and the validators that were needed so far: compiling one takes longer than using it.
struct Document {
    paths: Vec<(Vec<String>, Value)>,
    components: Value,
    validators: Mutex<HashMap<String, &'static Validator>>,
}

/// Panics unless the answer is one that the document knows for this request.
pub(crate) fn check(ask: &Ask, answer: &Answer) {
    // What could not be read as HTTP never came to the API; preflights of browsers, and encodings that nobody has, are
    // answered before it.
    let is_encoding = answer.status == 406 && answer.header("Vary").is_some();
    if answer.header("X-Request-Id").is_none() || is_encoding || ask.has_header("Access-Control-Request-Method") {
        return;
    }
    let document = Document::get();
    if let Err(why) = document.check(ask, answer) {
        panic!("not as documented: {} {}\n  {} {:.300}\n  {why}", ask.method, ask.target, answer.status, answer.text());
    }
}

impl Document {
    fn get() -> &'static Document {
        static DOCUMENT: OnceLock<Document> = OnceLock::new();
        DOCUMENT.get_or_init(|| {
            let document: Value = serde_json::from_str(audit_http::openapi_json()).unwrap();
            let paths = document["paths"].as_object().unwrap().iter();
            let paths = paths.map(|(path, item)| (segments(path), item.clone())).collect();
            Document { paths, components: document["components"].clone(), validators: Mutex::default() }
        })
    }

    fn check(&self, ask: &Ask, answer: &Answer) -> Result<(), String> {
        let path = path_of(&ask.target);
        // Paths of the inventory are the same with a slash at the end.
        let path = if path.starts_with("/api/v1/audit/") { path.trim_end_matches('/').to_owned() } else { path };
        let Some(item) = self.item(&path) else {
            // Everything that is served is in the document; a published path without its slash is redirected to one.
            let is_redirect = [301, 308].contains(&answer.status) && (self.item(&format!("{path}/")).is_some() || path == "/docs/");
            return if is_redirect || answer.status == 404 { Ok(()) } else { Err("the path is not documented".to_owned()) };
        };
        let Some(operation) = item.get(ask.method.to_ascii_lowercase()).filter(|_| ask.method == ask.method.to_uppercase()) else {
            return self.check_other_method(item, answer);
        };
        let response = &operation["responses"][answer.status.to_string()];
        let response = response["$ref"].as_str().map_or(response, |reference| self.component(reference));
        if response.is_null() {
            return Err("the status is not documented".to_owned());
        }
        for (name, _) in response["headers"].as_object().unwrap_or(&Map::new()) {
            if answer.header(name).is_none() {
                return Err(format!("the header {name} is documented and missing"));
            }
        }
        let Some(content) = response["content"].as_object() else {
            return if answer.body.is_empty() { Ok(()) } else { Err("a body is not documented".to_owned()) };
        };
        let media_type = answer.header("Content-Type").unwrap_or("").split(';').next().unwrap_or("").trim();
        let schema = content.get(media_type).map(|content| &content["schema"]);
        let schema = schema.ok_or_else(|| format!("the media type \"{media_type}\" is not documented"))?;
        self.validate(schema, answer)
    }

    /// A method that is not documented is refused, and what is allowed are the others.
    fn check_other_method(&self, item: &Value, answer: &Answer) -> Result<(), String> {
        let allowed = |text: &str| {
            let mut methods: Vec<String> = text.split(", ").map(str::to_ascii_lowercase).collect();
            methods.sort();
            methods
        };
        match answer.status {
            405 => {
                let wanted: Vec<String> = item.as_object().unwrap().keys().cloned().collect();
                let given = allowed(answer.header("Allow").unwrap_or(""));
                if given == wanted { Ok(()) } else { Err(format!("Allow is {given:?}")) }
            }
            401 | 403 => Ok(()),
            _ => Err("the method is not documented".to_owned()),
        }
    }

    /// The path item of a path; a template with fewer parameters comes first.
    fn item(&self, path: &str) -> Option<&Value> {
        let path = segments(path);
        let is_parameter = |segment: &String| segment.starts_with('{');
        let matches = |template: &Vec<String>| {
            let is_tile = template.last().is_some_and(|last| last == TILE);
            let has_length = if is_tile { template.len() < path.len() } else { template.len() == path.len() };
            has_length
                && template.iter().zip(&path).all(|(wanted, given)| wanted == given || is_parameter(wanted) && !given.is_empty())
        };
        let matching = self.paths.iter().filter(|(template, _)| matches(template));
        matching.min_by_key(|(template, _)| template.iter().filter(|segment| is_parameter(segment)).count()).map(|(_, item)| item)
    }

    fn component(&self, reference: &str) -> &Value {
        let (kind, name) = reference.strip_prefix("#/components/").unwrap().split_once('/').unwrap();
        &self.components[kind][name]
    }

    fn validate(&self, schema: &Value, answer: &Answer) -> Result<(), String> {
        if answer.header("Content-Encoding").is_some() {
            return Ok(());
        }
        let body = match serde_json::from_slice(&answer.body) {
            Ok(body) => body,
            // Valid JSON that `Value` cannot hold: lone surrogates, large numbers, many levels.
            Err(_) if answer.header("Content-Type").is_some_and(|kind| kind.contains("json")) => {
                value(&Json::parse(&answer.text()))
            }
            Err(_) => Value::String(answer.text()),
        };
        let validator = self.validator(schema);
        let errors: Vec<String> =
            validator.iter_errors(&body).take(5).map(|error| format!("{} at {}", error, error.instance_path())).collect();
        if errors.is_empty() { Ok(()) } else { Err(errors.join("\n  ")) }
    }

    fn validator(&self, schema: &Value) -> &'static Validator {
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        validators.entry(schema.to_string()).or_insert_with(|| {
            let schema = json!({"allOf": [schema], "components": self.components});
            let options = jsonschema::draft202012::options().should_validate_formats(true);
            Box::leak(Box::new(options.build(&schema).unwrap()))
        })
    }
}

/// The path of a target, which may be a whole URL, as the server reads it.
fn path_of(target: &str) -> String {
    let target = target.split(['?', '#']).next().unwrap_or("");
    match target.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]).to_owned(),
        None => target.to_owned(),
    }
}

fn segments(path: &str) -> Vec<String> {
    path.split('/').map(str::to_owned).collect()
}

/// What a schema can tell about it.
fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(bool) => Value::Bool(*bool),
        Json::Number(digits) => serde_json::from_str(digits).unwrap_or_else(|_| json!(0.5)),
        Json::Text(text) => Value::String(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        Json::List(items) => items.iter().map(value).collect(),
        Json::Object(members) => members.iter().map(|(name, item)| (name.clone(), value(item))).collect(),
    }
}
