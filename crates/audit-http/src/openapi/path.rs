//! One path: its own methods, and the methods that every path of its kind has.

use utoipa::openapi::path::{HttpMethod, Parameter, PathItem, PathItemBuilder};

use super::operation::{Operation, SharedResponses, empty, header};
use super::schema::string;
use crate::failure::Code;
use crate::template::template;

/// A route and its description.
pub(crate) struct Path {
    path: &'static str,
    parameters: Vec<Parameter>,
    methods: Vec<(HttpMethod, Operation)>,
}

impl Path {
    pub(crate) fn new(path: &'static str) -> Path {
        Path { path, parameters: Vec::new(), methods: Vec::new() }
    }

    /// Adds a parameter in the path itself, which all methods have.
    pub(crate) fn segment(mut self, parameter: Parameter) -> Path {
        self.parameters.push(parameter);
        self
    }

    pub(crate) fn get(self, operation: Operation) -> Path {
        let head = operation.head();
        self.method(HttpMethod::Get, operation).method(HttpMethod::Head, head)
    }

    pub(crate) fn post(self, operation: Operation) -> Path {
        self.method(HttpMethod::Post, operation)
    }

    pub(crate) fn put(self, operation: Operation) -> Path {
        self.method(HttpMethod::Put, operation)
    }

    pub(crate) fn delete(self, operation: Operation) -> Path {
        self.method(HttpMethod::Delete, operation)
    }

    /// Adds OPTIONS as the native API answers it: for any valid key.
    pub(crate) fn native_options(self, id: &str, tag: &'static str) -> Path {
        let options = self.options(id, tag).problems(&[Code::Unauthorized, Code::Internal, Code::Unavailable]);
        self.method(HttpMethod::Options, options)
    }

    /// Adds OPTIONS of a path that does not need a key.
    pub(crate) fn open_options(self, id: &str, tag: &'static str) -> Path {
        let options = self.options(id, tag).without_key();
        self.method(HttpMethod::Options, options)
    }

    pub(crate) fn options(&self, id: &str, tag: &'static str) -> Operation {
        let allow = header("The methods of this path.");
        Operation::new(id, tag, "What may be done here").respond(204, empty("The methods are in `Allow`.").header("Allow", allow))
    }

    pub(crate) fn method(mut self, method: HttpMethod, operation: Operation) -> Path {
        self.methods.push((method, operation));
        self
    }

    pub(crate) fn build(self, shared: &mut SharedResponses) -> (String, PathItem) {
        // OPTIONS checks only the pattern of a route, not the values of its parameters.
        let mut unread = self.parameters.clone();
        unread.iter_mut().for_each(|parameter| parameter.schema = Some(string().into()));
        let item = self.methods.into_iter().fold(PathItemBuilder::new(), |item, (method, operation)| {
            let parameters = if matches!(method, HttpMethod::Options) { &unread } else { &self.parameters };
            item.operation(method, operation.build(parameters, shared))
        });
        (template(self.path), item.build())
    }
}
