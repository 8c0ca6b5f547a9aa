//! One method of one path: what it takes and what it may answer.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::openapi::path::{Operation as OpenApiOperation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::{Content, ContentBuilder, Header, RefOr, Required, Response, ResponseBuilder, Schema, SecurityRequirement};

use super::errors;
use super::schema::string;
use crate::problem::Code;

/// The ways to send a key, by their names in `components`.
pub(super) const SECURITY_SCHEMES: [&str; 3] = ["token", "bearer", "basic"];

pub(super) const JSON: &str = "application/json";

/// An operation as it is written down; HEAD and OPTIONS are made from it.
#[derive(Clone)]
pub(super) struct Operation {
    pub(super) id: String,
    tag: &'static str,
    summary: String,
    description: String,
    parameters: Vec<Parameter>,
    body: Option<(bool, Vec<(&'static str, Content)>)>,
    answers: BTreeMap<u16, Response>,
    needs_key: bool,
}

impl Operation {
    pub(super) fn new(id: &str, tag: &'static str, summary: &str) -> Operation {
        Operation {
            id: id.to_owned(),
            tag,
            summary: summary.to_owned(),
            description: String::new(),
            parameters: Vec::new(),
            body: None,
            answers: BTreeMap::new(),
            needs_key: true,
        }
    }

    /// What the summary does not say, in Markdown.
    pub(super) fn describe(mut self, description: &str) -> Operation {
        description.clone_into(&mut self.description);
        self
    }

    pub(super) fn without_key(mut self) -> Operation {
        self.needs_key = false;
        self
    }

    pub(super) fn parameters(mut self, parameters: impl IntoIterator<Item = Parameter>) -> Operation {
        self.parameters.extend(parameters);
        self
    }

    /// A body of this type, which has to be there.
    pub(super) fn body(mut self, media_type: &'static str, content: Content) -> Operation {
        let (_, contents) = self.body.get_or_insert((true, Vec::new()));
        contents.push((media_type, content));
        self
    }

    /// An answer with a body.
    pub(super) fn answer(self, status: u16, description: &str, media_type: &str, content: Content) -> Operation {
        self.respond(status, ResponseBuilder::new().description(description).content(media_type, content))
    }

    /// An answer of JSON.
    pub(super) fn json(self, status: u16, description: &str, schema: impl Into<RefOr<Schema>>, example: Value) -> Operation {
        self.answer(status, description, JSON, json(schema, example))
    }

    pub(super) fn respond(mut self, status: u16, response: ResponseBuilder) -> Operation {
        self.answers.insert(status, response.build());
        self
    }

    /// Errors of the native API.
    pub(super) fn problems(mut self, codes: &[Code]) -> Operation {
        for (status, response) in errors::problems(codes) {
            self.answers.insert(status, response.build());
        }
        self
    }

    /// Errors of the published APIs.
    pub(super) fn drf_errors(mut self, statuses: &[u16]) -> Operation {
        for status in statuses {
            self.answers.insert(*status, errors::drf(*status).build());
        }
        self
    }

    /// The same question, answered by its head alone.
    pub(super) fn head(&self) -> Operation {
        let mut head = self.clone();
        head.id.push_str("Head");
        head.summary = format!("{}: the head of the answer alone", self.summary);
        head.description.clear();
        for response in head.answers.values_mut() {
            response.content.clear();
        }
        head
    }

    pub(super) fn build(self, path_parameters: &[Parameter]) -> OpenApiOperation {
        let mut builder = OperationBuilder::new().operation_id(Some(self.id)).tag(self.tag).summary(Some(self.summary));
        if !self.description.is_empty() {
            builder = builder.description(Some(self.description));
        }
        for parameter in path_parameters.iter().cloned().chain(self.parameters) {
            builder = builder.parameter(parameter);
        }
        if let Some((required, contents)) = self.body {
            let required = if required { Required::True } else { Required::False };
            let body = RequestBodyBuilder::new().required(Some(required));
            let body = contents.into_iter().fold(body, |body, (media_type, content)| body.content(media_type, content));
            builder = builder.request_body(Some(body.build()));
        }
        for (status, response) in self.answers {
            builder = builder.response(status.to_string(), response);
        }
        if self.needs_key {
            let none: [&str; 0] = [];
            builder = builder.securities(Some(SECURITY_SCHEMES.map(|name| SecurityRequirement::new(name, none))));
        }
        builder.build()
    }
}

/// A media type with its schema and one example.
pub(super) fn json(schema: impl Into<RefOr<Schema>>, example: Value) -> Content {
    ContentBuilder::new().schema(Some(schema)).example(Some(example)).build()
}

/// A text that is no JSON.
pub(super) fn text() -> Content {
    ContentBuilder::new().schema(Some(string())).build()
}

pub(super) fn header(description: &str) -> Header {
    let mut header = Header::new(string());
    header.description = Some(description.to_owned());
    header
}

/// A response without a body.
pub(super) fn empty(description: &str) -> ResponseBuilder {
    ResponseBuilder::new().description(description)
}

pub(super) fn query(name: &str, description: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    parameter(ParameterIn::Query, name, description, schema).required(Required::False).build()
}

pub(super) fn required_query(name: &str, description: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    parameter(ParameterIn::Query, name, description, schema).required(Required::True).build()
}

pub(super) fn segment(name: &str, description: &str, schema: impl Into<RefOr<Schema>>, example: Value) -> Parameter {
    parameter(ParameterIn::Path, name, description, schema).required(Required::True).example(Some(example)).build()
}

fn parameter(place: ParameterIn, name: &str, description: &str, schema: impl Into<RefOr<Schema>>) -> ParameterBuilder {
    ParameterBuilder::new().name(name).parameter_in(place).description(Some(description)).schema(Some(schema))
}
