//! Writes paths as the OpenAPI document and the metrics show them.

/// Returns a path without its actix patterns: `/{channel_id:[0-9]+}/` becomes `/{channel_id}/`.
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
            assert_eq!(template(path), wanted);
        }
    }
}
