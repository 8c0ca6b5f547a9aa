//! The body of a request to erase.

use audit_store::domain::uuid::Uuid;
use audit_store::domain::{
    ChannelId, ErasureOf, JsonError, JsonKind, JsonText, Members, NewErasure, Stream, canonical_integer, parse_uuid,
};

use super::STREAMS;
use crate::failure::{ERRORS_MAX, InvalidMember};

const KNOWN: [&str; 6] = ["channel_id", "stream", "user", "uuids", "slots", "reason"];

/// The faults found so far.
#[derive(Default)]
struct Faults(Vec<InvalidMember>);

impl Faults {
    fn add(&mut self, name: &str, what: &str) {
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        self.0.push(InvalidMember { pointer, line: None, message: format!("{name} {what}") });
    }
}

/// Reads `{"channel_id","stream"?,"user"|"uuids","slots"?,"reason"}`.
pub(super) fn read(text: &str) -> Result<(ChannelId, NewErasure), Vec<InvalidMember>> {
    let whole = |error: JsonError| vec![InvalidMember { pointer: String::new(), line: None, message: error.to_string() }];
    let members = Members::parse(text).map_err(whole)?;
    let mut faults = Faults::default();
    for member in members.iter().filter(|member| !KNOWN.contains(&member.name.as_str())).take(ERRORS_MAX) {
        faults.add(&member.name, &format!("is not known; known are {}", KNOWN.join(", ")));
    }
    for name in KNOWN.iter().filter(|name| members.iter().filter(|member| member.name == **name).count() > 1) {
        faults.add(name, "is given more than once");
    }
    let given = |name: &str| members.last(name).filter(|value| value.kind() != JsonKind::Null);
    let channel = given("channel_id").and_then(|value| canonical_integer(value.as_str())).and_then(ChannelId::new);
    if channel.is_none() {
        faults.add("channel_id", "must be given, as the number of a channel");
    }
    let stream = match given("stream") {
        None => Some(Stream::Events),
        Some(value) => string(value).and_then(|name| STREAMS.iter().find(|(known, _)| *known == name)).map(|(_, stream)| *stream),
    };
    if stream.is_none() {
        faults.add("stream", "must be events or action-logs");
    }
    let stream = stream.unwrap_or(Stream::Events);
    let of = of(given("user"), given("uuids"), &mut faults);
    let slots = match given("slots") {
        None => NewErasure::default_slots(stream),
        // An empty list is a fault of its own.
        Some(value) => slots(value, stream).unwrap_or_default(),
    };
    let reason = given("reason").and_then(string).unwrap_or_default();
    let new = NewErasure { stream, of, slots, reason };
    for (name, what) in new.faults() {
        if !faults.0.iter().any(|known| known.pointer == format!("/{name}")) {
            faults.add(name, &what);
        }
    }
    match channel {
        Some(channel) if faults.0.is_empty() => Ok((channel, new)),
        _ => Err(faults.0),
    }
}

fn of(user: Option<&JsonText>, uuids: Option<&JsonText>, faults: &mut Faults) -> ErasureOf {
    match (user, uuids) {
        (Some(_), Some(_)) => faults.add("user", "and uuids are given: give one of them"),
        (None, None) => faults.add("user", "must be given, as the id of a user, or uuids, as a list"),
        (Some(user), None) => match string(user).or_else(|| canonical_integer(user.as_str()).map(|id| id.to_string())) {
            Some(id) => return ErasureOf::User(id),
            None => faults.add("user", "must be the id of a user, as text or an integer"),
        },
        (None, Some(uuids)) => {
            let texts: Option<Vec<String>> = serde_json::from_str(uuids.as_str()).ok();
            match texts.and_then(|texts| texts.iter().map(|text| parse_uuid(text)).collect::<Option<Vec<Uuid>>>()) {
                Some(uuids) => return ErasureOf::Uuids(uuids),
                None => faults.add("uuids", "must be a list of UUIDs such as [\"410237f7-2a6f-48de-9c41-b988326d7607\"]"),
            }
        }
    }
    // It has a fault, and erases nothing.
    ErasureOf::User("-".to_owned())
}

fn string(value: &JsonText) -> Option<String> {
    value.decoded().and_then(|text| text.as_str().map(str::to_owned))
}

/// The numbers of slots that are given by name.
fn slots(value: &JsonText, stream: Stream) -> Option<Vec<u8>> {
    let names: Vec<String> = serde_json::from_str(value.as_str()).ok()?;
    names.iter().map(|name| stream.slot_number(name)).collect()
}
