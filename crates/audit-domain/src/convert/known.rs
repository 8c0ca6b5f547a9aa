//! Recognizes records of other systems by their members, so that a message can say what to do with
//! them.

use super::{Format, ocsf};
use crate::json::{JsonKind, JsonString, JsonText, Members};

/// What an object looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    name: &'static str,
    advice: Advice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Advice {
    /// A converter takes it.
    Format(Format),
    /// No converter takes it; the text says what to do instead.
    Native(&'static str),
}

impl Known {
    /// The name of what it looks like, for people.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The format that takes it, if there is one.
    #[must_use]
    pub fn format(&self) -> Option<Format> {
        match self.advice {
            Advice::Format(format) => Some(format),
            Advice::Native(_) => None,
        }
    }
}

/// Says what the object looks like, and what to do if no format takes it.
impl std::fmt::Display for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.advice {
            Advice::Format(_) => write!(f, "it looks like {}", self.name),
            Advice::Native(advice) => write!(f, "it looks like {}: {advice}", self.name),
        }
    }
}

/// A shape, and the members by which it is recognized.
struct Shape {
    known: Known,
    is: fn(&Members<'_>) -> bool,
}

const SHAPES: [Shape; 11] = [
    Shape { known: converted("CloudTrail records", Format::CloudTrail), is: is_cloudtrail_list },
    Shape {
        known: converted("a CloudTrail record", Format::CloudTrail),
        is: |members| has_all(members, &["eventVersion", "eventTime", "eventID"]),
    },
    Shape {
        known: converted("an EventList of Kubernetes", Format::K8sAudit),
        is: |members| is_k8s(members) && text_is(members, "kind", "EventList"),
    },
    Shape {
        known: converted("an audit event of Kubernetes", Format::K8sAudit),
        is: |members| is_k8s(members) && text_is(members, "kind", "Event"),
    },
    Shape {
        known: converted("OTLP logs", Format::Otlp),
        is: |members| members.last("resourceLogs").is_some_and(|value| value.kind() == JsonKind::Array),
    },
    Shape {
        known: converted("a CloudEvent", Format::CloudEvents),
        is: |members| has_all(members, &["specversion", "id", "source", "type"]),
    },
    Shape {
        known: converted("an OCSF event", Format::Ocsf),
        is: |members| is_ocsf(members) && members.last("class_uid").is_some_and(|class| ocsf::CLASSES.contains(&class.as_str())),
    },
    Shape {
        known: native("an OCSF event", "format=ocsf takes the classes 3004 (Entity Management) and 6003 (API Activity)"),
        is: is_ocsf,
    },
    Shape {
        known: native(
            "an audit event of GitLab",
            "send created_at as timestamp, event_name as action, author_id as user, entity_type as table_name and entity_id as \
             object_id",
        ),
        is: |members| has_all(members, &["author_id", "entity_id", "entity_type"]),
    },
    Shape {
        known: native(
            "an event of Okta's System Log",
            "send published as timestamp, eventType as action, actor as user, client.ipAddress as remote_addr and outcome.result as \
             outcome",
        ),
        is: |members| has_all(members, &["published", "eventType", "actor"]),
    },
    Shape {
        known: native(
            "an audit event of WorkOS",
            "send occurred_at as timestamp, actor as user, a target as table_name and object_id, and context.location as remote_addr",
        ),
        is: is_workos,
    },
];

const fn converted(name: &'static str, format: Format) -> Known {
    Known { name, advice: Advice::Format(format) }
}

const fn native(name: &'static str, advice: &'static str) -> Known {
    Known { name, advice: Advice::Native(advice) }
}

/// Recognizes an object by its members. It may have members of the native API too: an event of
/// Kubernetes has `user`, one of Okta has `uuid`.
#[must_use]
pub fn recognize(members: &Members<'_>) -> Option<Known> {
    SHAPES.iter().find(|shape| (shape.is)(members)).map(|shape| shape.known)
}

fn has_all(members: &Members<'_>, names: &[&str]) -> bool {
    names.iter().all(|name| members.last(name).is_some())
}

fn text_is(members: &Members<'_>, name: &str, text: &str) -> bool {
    members.last(name).and_then(JsonText::decoded).is_some_and(|decoded| decoded.as_bytes() == text.as_bytes())
}

/// Notifications of S3 have `Records` with an `eventVersion` too, and no `eventID`.
fn is_cloudtrail_list(members: &Members<'_>) -> bool {
    let records = members.last("Records").map(|records| JsonText::elements(records.as_str(), 0).unwrap_or_default());
    let first = records.and_then(|records| records.first().copied().map(JsonText::from_trusted));
    let picked = first.and_then(|first| first.pick(&["eventVersion", "eventID"]).map(|found| found.iter().all(Option::is_some)));
    picked == Some(true)
}

/// Any version of the group: the converter says which one it takes.
fn is_k8s(members: &Members<'_>) -> bool {
    let version = members.last("apiVersion").and_then(JsonText::decoded);
    version.as_ref().and_then(JsonString::as_str).is_some_and(|version| version.starts_with("audit.k8s.io/"))
}

fn is_ocsf(members: &Members<'_>) -> bool {
    has_all(members, &["class_uid", "category_uid"]) || has_all(members, &["class_uid", "metadata"])
}

/// An event, or the request that creates one.
fn is_workos(members: &Members<'_>) -> bool {
    let in_request = members.last("event").and_then(|event| event.pick(&["occurred_at", "actor", "targets"]));
    has_all(members, &["occurred_at", "actor", "targets"]) || in_request.is_some_and(|found| found.iter().all(Option::is_some))
}
