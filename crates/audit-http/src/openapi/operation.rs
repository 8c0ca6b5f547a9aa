//! One method of one path: its inputs and its possible answers.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::openapi::path::{Operation as OpenApiOperation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::{
    Content, ContentBuilder, Header, Ref, RefOr, Required, Response, ResponseBuilder, Schema, SecurityRequirement,
};

use super::errors;
use super::schema::string;
use crate::failure::Code;
use crate::idempotency;

/// The ways to send a key, by their names in `components`.
pub(crate) const SECURITY_SCHEMES: [&str; 3] = ["token", "bearer", "basic"];

pub(crate) const JSON: &str = "application/json";

/// The responses that operations share, for `components`. It has only the responses that are used.
pub(crate) type SharedResponses = BTreeMap<String, Response>;

/// An operation of the document. HEAD is made from GET.
#[derive(Clone)]
pub(crate) struct Operation {
    id: String,
    tag: &'static str,
    summary: String,
    description: String,
    parameters: Vec<RefOr<Parameter>>,
    bodies: Vec<(&'static str, Content)>,
    answers: BTreeMap<u16, Response>,
    errors: BTreeMap<u16, (String, Response)>,
    codes: Vec<Code>,
    needs_key: bool,
}

impl Operation {
    pub(crate) fn new(id: &str, tag: &'static str, summary: &str) -> Operation {
        Operation {
            id: id.to_owned(),
            tag,
            summary: summary.to_owned(),
            description: String::new(),
            parameters: Vec::new(),
            bodies: Vec::new(),
            answers: BTreeMap::new(),
            errors: BTreeMap::new(),
            codes: Vec::new(),
            needs_key: true,
        }
    }

    /// Adds a description in Markdown, for the facts that are not in the summary.
    pub(crate) fn describe(mut self, description: &str) -> Operation {
        description.clone_into(&mut self.description);
        self
    }

    pub(crate) fn without_key(mut self) -> Operation {
        self.needs_key = false;
        self
    }

    pub(crate) fn parameters(mut self, parameters: impl IntoIterator<Item = Parameter>) -> Operation {
        self.parameters.extend(parameters.into_iter().map(RefOr::T));
        self
    }

    /// Adds parameters that are in `components` under these names.
    pub(crate) fn shared_parameters(mut self, names: impl IntoIterator<Item = String>) -> Operation {
        let reference = |name: String| RefOr::Ref(Ref::new(format!("#/components/parameters/{name}")));
        self.parameters.extend(names.into_iter().map(reference));
        self
    }

    /// Adds a body of this type. The request must have a body of one of the added types.
    pub(crate) fn body(mut self, media_type: &'static str, content: Content) -> Operation {
        self.bodies.push((media_type, content));
        self
    }

    pub(crate) fn respond(mut self, status: u16, response: ResponseBuilder) -> Operation {
        self.answers.insert(status, response.build());
        self
    }

    /// Adds an answer of JSON.
    pub(crate) fn json(self, status: u16, description: &str, schema: impl Into<RefOr<Schema>>, example: Value) -> Operation {
        self.respond(status, ResponseBuilder::new().description(description).content(JSON, json(schema, example)))
    }

    /// Adds errors of the native API.
    pub(crate) fn problems(mut self, codes: &[Code]) -> Operation {
        self.codes.extend(codes);
        self.errors.extend(errors::problems(&self.codes));
        self
    }

    /// Adds errors by status, each with the name of its response in `components`.
    pub(crate) fn errors(mut self, errors: impl IntoIterator<Item = (u16, (String, Response))>) -> Operation {
        self.errors.extend(errors);
        self
    }

    /// Makes the same operation for HEAD, whose answer is only the head.
    pub(crate) fn head(&self) -> Operation {
        let mut head = self.clone();
        head.id.push_str("Head");
        head.summary = format!("{}: the head of the answer alone", self.summary);
        head.description.clear();
        // The answers are not references, because a shared response has a body.
        head.answers.extend(std::mem::take(&mut head.errors).into_iter().map(|(status, (_, response))| (status, response)));
        head.answers.values_mut().for_each(|response| response.content.clear());
        head
    }

    pub(crate) fn build(self, path_parameters: &[Parameter], shared: &mut SharedResponses) -> OpenApiOperation {
        let mut builder = OperationBuilder::new().operation_id(Some(self.id)).tag(self.tag).summary(Some(self.summary));
        if !self.description.is_empty() {
            builder = builder.description(Some(self.description));
        }
        for parameter in path_parameters {
            builder = builder.parameter(parameter.clone());
        }
        for parameter in self.parameters {
            builder = match parameter {
                RefOr::T(parameter) => builder.parameter(parameter),
                RefOr::Ref(reference) => builder.parameter_ref(reference),
            };
        }
        if !self.bodies.is_empty() {
            let body = RequestBodyBuilder::new().required(Some(Required::True));
            let body = self.bodies.into_iter().fold(body, |body, (media_type, content)| body.content(media_type, content));
            builder = builder.request_body(Some(body.build()));
        }
        for (status, response) in self.answers {
            builder = builder.response(status.to_string(), response);
        }
        for (status, (name, response)) in self.errors {
            builder = builder.response(status.to_string(), Ref::from_response_name(&name));
            shared.insert(name, response);
        }
        if self.needs_key {
            let none: [&str; 0] = [];
            builder = builder.securities(Some(SECURITY_SCHEMES.map(|name| SecurityRequirement::new(name, none))));
        }
        builder.build()
    }
}

/// Makes JSON content with its schema and one example.
pub(crate) fn json(schema: impl Into<RefOr<Schema>>, example: Value) -> Content {
    ContentBuilder::new().schema(Some(schema)).example(Some(example)).build()
}

pub(crate) fn header(description: &str) -> Header {
    let mut header = Header::new(string());
    header.description = Some(description.to_owned());
    header
}

/// Makes a response without a body.
pub(crate) fn empty(description: &str) -> ResponseBuilder {
    ResponseBuilder::new().description(description)
}

pub(crate) fn query(name: &str, description: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    parameter(ParameterIn::Query, name, description, schema).required(Required::False).build()
}

pub(crate) fn required_query(name: &str, description: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    parameter(ParameterIn::Query, name, description, schema).required(Required::True).build()
}

/// Describes the header with which a request without uuids can be sent again.
pub(crate) fn idempotency_key() -> Parameter {
    let text = "Makes a request that can be sent again although its records have no uuids: the server makes their uuids from the key \
                and their places in the request. A key counts for its token, the log and the channel. Quotes around it are not part of it.";
    // Visible ASCII but `"` and `\`, with or without quotes around it.
    let key = format!("[!#-\\[\\]-~]{{1,{}}}", idempotency::CHARS_MAX);
    let schema = string().pattern(Some(format!("^({key}|\"{key}\")$")));
    parameter(ParameterIn::Header, idempotency::HEADER, text, schema).required(Required::False).build()
}

/// Makes a parameter for a segment of the path.
pub(crate) fn segment(name: &str, description: &str, schema: impl Into<RefOr<Schema>>, example: Value) -> Parameter {
    parameter(ParameterIn::Path, name, description, schema).required(Required::True).example(Some(example)).build()
}

fn parameter(place: ParameterIn, name: &str, description: &str, schema: impl Into<RefOr<Schema>>) -> ParameterBuilder {
    ParameterBuilder::new().name(name).parameter_in(place).description(Some(description)).schema(Some(schema))
}
