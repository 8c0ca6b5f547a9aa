//! The common parts of the documents of the native APIs of events and action logs: append, list by
//! cursor, get, summary.

use audit_store::domain::{Format, limits};
use serde_json::{Value, json};
use utoipa::openapi::path::Parameter;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{AllOfBuilder, Content, RefOr, Schema};

use super::filter::{Filter, FilterKind, Operator, StreamFilter, names};
use super::{SPANS, Stream, proof};
use crate::body::FORM;
use crate::bound::Bound;
use crate::failure::Code;
use crate::openapi::ApiDocs;
use crate::openapi::errors::place;
use crate::openapi::operation::{JSON, Operation, idempotency_key, json as json_content, query, required_query, segment};
use crate::openapi::path::Path;
use crate::openapi::schema::{
    INSTANT_GIVEN, Members, UUID_GIVEN, all_of, any, any_of, boolean, closed, instant, instant_given, integer, integer_from,
    leaf_hash, list, lower_first, named, nullable_string, one_of, open, string, typed, uuid,
};

/// The words of the document for a stream.
pub(crate) struct StreamDocs {
    pub(crate) tag: &'static str,
    /// The name of the schema of a record. The names of other schemas derive from it: `NewEvent`,
    /// `EventPage`, `EventSummary`.
    pub(crate) record: &'static str,
    /// The words for one record and for several records in a sentence.
    pub(crate) one: &'static str,
    pub(crate) many: &'static str,
    /// Examples: a record in the log, a record as a client sends it, and lines of such records.
    pub(crate) example: fn() -> Value,
    pub(crate) sent: fn() -> Value,
    pub(crate) lines: &'static str,
    /// The form, if the stream accepts one.
    pub(crate) form: Option<fn() -> ObjectBuilder>,
}

/// The failures that every reading operation may answer.
pub(crate) const READ: [Code; 7] =
    [Code::InvalidQuery, Code::Unauthorized, Code::Forbidden, Code::Internal, Code::Busy, Code::QueryTimeout, Code::Unavailable];

/// The failures that an operation may answer when it returns stored records.
pub(super) const RECORDS: [Code; 1] = [Code::EntryWasChanged];

/// The failures that every operation with a body may answer.
pub(crate) const BODY: [Code; 8] = [
    Code::InvalidBody,
    Code::InvalidEncoding,
    Code::BrokenBody,
    Code::Timeout,
    Code::TooLarge,
    Code::UnsupportedMediaType,
    Code::Busy,
    Code::Unavailable,
];

pub(crate) fn paths<S: Stream>(words: &StreamDocs) -> Vec<Path> {
    let id = lower_first(words.record);
    let uuid = segment("uuid", "Its uuid.", string(), json!("410237f7-2a6f-48de-9c41-b988326d7607"));
    let own = [
        Path::new(S::LIST).get(words.list::<S>()).post(words.append::<S>()).native_options(&format!("{id}sOptions"), words.tag),
        Path::new(S::SUMMARY).get(words.summary::<S>()).native_options(&format!("{id}SummaryOptions"), words.tag),
        Path::new(S::HISTOGRAM).get(words.histogram::<S>()).native_options(&format!("{id}HistogramOptions"), words.tag),
        Path::new(S::ONE).segment(uuid.clone()).get(words.get()).native_options(&format!("{id}Options"), words.tag),
    ];
    own.into_iter().chain(proof::paths::<S>(words, &uuid)).collect()
}

/// Returns the parameters for `components`, by name: `channel_id` and the filters.
pub(crate) fn parameters<S: Stream>(words: &StreamDocs) -> Vec<(String, Parameter)> {
    let filters = S::FILTERS.iter().flat_map(|filter| filter.operators().map(|operator| parameter(filter, operator)));
    [channel_id()].into_iter().chain(filters).map(|parameter| (words.shared(&parameter.name), parameter)).collect()
}

fn parameter<F: StreamFilter>(filter: &Filter<F>, operator: Operator) -> Parameter {
    let (name, meaning) = (format!("{}{}", filter.name, operator.suffix()), filter.meaning);
    let bound = match operator {
        Operator::In | Operator::Not => return values(&name, filter.name, operator),
        Operator::Bound(bound) => bound,
    };
    match filter.kind {
        FilterKind::Text(_) | FilterKind::Address(_) | FilterKind::Search(_) => query(&name, meaning, string()),
        FilterKind::Prefix(_) => query(&name, meaning, string().min_length(Some(1)).max_length(Some(limits::URL_PREFIX_CHARS_MAX))),
        FilterKind::Integer(_) => query(&name, meaning, integer()),
        FilterKind::Uuid(_) => query(&name, meaning, string().pattern(Some(UUID_GIVEN))),
        FilterKind::Integers(_) => query(&name, &format!("{meaning}: {}.", side(bound)), integer()),
        FilterKind::Instants(_) => query(&name, &bound.describe(meaning), named(INSTANT_GIVEN)),
    }
}

fn side(bound: Bound) -> &'static str {
    match bound {
        Bound::Exactly => "exactly this",
        Bound::Gt => "over this",
        Bound::Gte => "from this on",
        Bound::Lt => "below this",
        Bound::Lte => "up to this",
    }
}

/// Describes the parameters of an append.
fn append_parameters<S: Stream>() -> Vec<Parameter> {
    let channel = "The channel of the records that name none. Without it, the key's only channel, or the default channel.";
    let format = "The body is in a format of another system, and is converted. See `docs/convert.md`.";
    let lenient = "`true`: an object without any known member is an event too, and a record of another system. What is not known is kept \
                   in `extra`.";
    let partial = "`true`: the records of a list that can be stored are stored, and the answer names the others.";
    let flag = || one_of(["true", "false"]);
    let all = [
        query("channel_id", channel, integer_from(0)),
        query("format", format, one_of(Format::ALL.map(Format::name))),
        query("lenient", lenient, flag()),
        query("partial", partial, flag()),
    ];
    let of_stream = all.into_iter().filter(|parameter| S::APPEND_PARAMETERS.contains(&parameter.name.as_str()));
    of_stream.chain([idempotency_key()]).collect()
}

/// Returns the names of the filters in `components`.
fn filters<S: Stream>(words: &StreamDocs) -> impl Iterator<Item = String> {
    let names = ["channel_id".to_owned()].into_iter().chain(names(S::FILTERS));
    names.map(|name| words.shared(&name))
}

pub(crate) fn schemas<S: Stream>(words: &StreamDocs) -> Vec<(String, RefOr<Schema>)> {
    let StreamDocs { record, many, .. } = words;
    let page = closed()
        .maybe("count", integer_from(0).description(Some(format!("How many {many} match in all; only with `count=true`."))))
        .always("results", list(named(record)).max_items(Some(limits::PAGE_SIZE_MAX)))
        .always("next_cursor", nullable_string().description(Some("Null on the last page.")));
    let group = closed().always("key", typed([Type::String, Type::Integer, Type::Null])).always("count", integer_from(1));
    let summary = closed()
        .always("group_by", one_of(S::GROUPS.iter().map(|(name, _)| *name)))
        .always("total", integer_from(0))
        .always("groups", list(group).max_items(Some(limits::GROUPS_MAX)))
        .always("other", named("OtherGroups"));
    vec![
        (format!("{record}Page"), page.into()),
        (format!("{record}Summary"), summary.into()),
        (format!("{record}Histogram"), histogram::<S>().into()),
    ]
}

fn histogram<S: Stream>() -> ObjectBuilder {
    let group = closed().always("key", typed([Type::String, Type::Integer, Type::Null])).always("count", integer_from(1));
    let counts = list(integer_from(0)).max_items(Some(limits::HISTOGRAM_GROUPS_MAX));
    let span = closed()
        .always("start", instant())
        .always("count", integer_from(1))
        .maybe("counts", counts.description(Some("How many of them are of each of `groups`, in their order.")));
    let earlier = closed()
        .description(Some("What the spans before the listed ones come to."))
        .always("spans", integer_from(0))
        .always("count", integer_from(0));
    closed()
        .always("span", one_of(SPANS.iter().map(|(name, _)| *name)))
        .maybe("split_by", one_of(S::SPLITS.iter().map(|(name, _)| *name)))
        .always("total", integer_from(0))
        .maybe("groups", list(group).max_items(Some(limits::HISTOGRAM_GROUPS_MAX)))
        .maybe("other", named("OtherGroups"))
        .always("spans", list(span).max_items(Some(limits::HISTOGRAM_SPANS_MAX)))
        .always("earlier", earlier)
}

/// Describes receipts, the groups that a summary does not list, and the date-times of requests. They
/// are the same for both streams.
pub(crate) fn docs() -> ApiDocs {
    let receipt = closed()
        .description(Some("Where a record is in the log, permanently. It is sent after the commit is on disk."))
        .always("uuid", uuid())
        .always("channel_id", integer_from(0))
        .always("position", integer_from(0))
        .always("recorded_at", instant())
        .always("leaf_hash", leaf_hash())
        .always("duplicate", boolean().description(Some("Whether it was there already.")))
        .maybe("erased", boolean().description(Some("Given as true if values of the entry that was there are erased.")))
        .maybe(
            "warnings",
            list(string())
                .min_items(Some(1))
                .description(Some("What is strange about the record though it was stored: it happens far in the future.")),
        );
    let receipts = closed()
        .always("accepted", integer_from(0).description(Some("Records that are new in the log.")))
        .always("duplicates", integer_from(0).description(Some("Records that were there already.")))
        .maybe("rejected", integer_from(1).description(Some("Records that are not stored; only with `partial=true`.")))
        .maybe("errors", list(place()).min_items(Some(1)).description(Some("Why they are not stored.")))
        .always("receipts", list(named("Receipt")));
    let other = closed()
        .description(Some("What the groups that are not listed come to."))
        .always("groups", integer_from(0).description(Some("How many groups they are.")))
        .always("count", integer_from(0).description(Some("How many records they have together.")));
    let schemas = [
        ("Receipt", receipt.into()),
        ("Receipts", receipts.into()),
        ("OtherGroups", other.into()),
        ("EntryProof", proof::schema().into()),
        (INSTANT_GIVEN, instant_given().into()),
    ];
    ApiDocs { schemas: schemas.map(|(name, schema)| (name.to_owned(), schema)).into(), ..ApiDocs::default() }
}

/// Describes a record with these members as a client sends it. A client may send null for members
/// that only the server sets; this is the same as leaving them out. The server keeps unknown
/// members, and it keeps `extra`. A record must not have both, because one thing would then be in
/// two places.
pub(crate) fn submitted(known: ObjectBuilder, server_owned: &[&str]) -> AllOfBuilder {
    let null = || typed([Type::Null]).description(Some("Set by the server."));
    let known = server_owned.iter().fold(known, |known, name| known.maybe(name, null())).build();
    let names = string().enum_values(Some(known.properties.keys().cloned().collect::<Vec<String>>()));
    let without_extra = open().maybe("extra", typed([Type::Null]));
    let without_unknown = open().property_names(Some(names));
    let one_place = any_of([without_extra.into(), without_unknown.into()]);
    all_of([RefOr::T(Schema::Object(known)), one_place.into()])
}

/// Describes a member that a published API takes beyond its page.
pub(crate) fn added(text: &str) -> ObjectBuilder {
    any().description(Some(format!("{text} Shown at the native API. A value that it cannot have is kept in `extra`.")))
}

/// Describes the member `extra` of a record that a client sends.
pub(crate) fn extra() -> ObjectBuilder {
    typed([Type::Object, Type::Null]).description(Some("Members of your own, if they are not beside it."))
}

/// The member that says what was masked. Only the server sets it, in the native APIs.
pub(crate) const MASKED: &str = "masked";

/// Describes what was masked.
pub(crate) fn masked() -> ObjectBuilder {
    let text = "What was masked before the record was hashed: the policy, and JSON pointers to the values. Null if nothing was.";
    typed([Type::Object, Type::Null]).description(Some(text))
}

pub(crate) const CORRELATION_ID: &str =
    "The id of the request, the transaction or the trace: an event and the action logs around it have the same.";

/// Describes a parameter with several values, separated by commas.
fn values(name: &str, base: &str, operator: Operator) -> Parameter {
    let means = if operator == Operator::In { "is one of these" } else { "is none of these, or there is none" };
    let text = format!(
        "Up to {} values, separated by commas: what `{base}` is about {means}. A value with a comma in it, or a double quote at its beginning, \
         stands in double quotes, in which a quote is written twice; an empty text is `\"\"`.",
        limits::FILTER_VALUES_MAX
    );
    query(name, &text, string().min_length(Some(1)))
}

fn channel_id() -> Parameter {
    let text = "A channel, up to 1,000 comma-separated channels, or `all`. Without it, the key's only channel, all that the key lists, or the \
                default channel for a key of all.";
    query("channel_id", text, string().pattern(Some("^(all|[0-9]{1,18}(,[0-9]{1,18})*)$")))
}

/// Adds the media types that are accepted with `format=cloudevents`.
fn with_cloud_events(append: Operation) -> Operation {
    let text = Some("With `format=cloudevents`. See `docs/convert.md`.");
    append
        .body("application/cloudevents+json", Content::new(Some(open().description(text))))
        .body("application/cloudevents-batch+json", Content::new(Some(list(open()).description(text))))
}

impl StreamDocs {
    /// Returns the name of a filter in `components`.
    pub(super) fn shared(&self, name: &str) -> String {
        format!("{}s.{name}", lower_first(self.record))
    }

    fn list<S: Stream>(&self) -> Operation {
        let time = S::TIME;
        let sorts = [time.to_owned(), format!("-{time}"), "position".to_owned(), "-position".to_owned()];
        let order = "By position only with one channel, since positions of two logs cannot be compared.";
        let size = integer().minimum(Some(1)).maximum(Some(limits::PAGE_SIZE_MAX as isize));
        let own = [
            query("sort", order, one_of(sorts.iter().map(String::as_str)).default(Some(json!(format!("-{time}"))))),
            query(
                "limit",
                "The largest number of results. A page of 16 MiB of values ends before.",
                size.default(Some(json!(limits::PAGE_SIZE_DEFAULT))),
            ),
            query("cursor", "`next_cursor` of the page before. It belongs to filters, channels and sort.", string()),
            query("count", "Whether to count all that match.", boolean().default(Some(json!(false)))),
        ];
        let page = json!({"count": 1, "results": [(self.example)()], "next_cursor": null});
        Operation::new(&format!("list{}s", self.record), self.tag, &format!("The {} that match, by cursor", self.many))
            .describe("Role `reader` or `admin`. Unknown parameters, and such that are given twice, are errors.")
            .shared_parameters(filters::<S>(self))
            .parameters(own)
            .json(200, "A page.", named(&format!("{}Page", self.record)), page)
            .problems(&READ)
            .problems(&RECORDS)
    }

    fn append<S: Stream>(&self) -> Operation {
        let new = || named(&format!("New{}", self.record));
        let body = any_of([new().into(), list(new()).into()]);
        let lines = format!(
            "One {} a line, such as\n\n{}\n\n`application/ndjson` and `application/jsonl` mean the same.",
            self.one, self.lines
        );
        let text = format!(
            "Role `writer` or `admin`. All {many} of a request are stored or none is, and the answer is sent after the commit \
             is on disk. A request can be sent again: where a uuid is there already, the first receipt is answered again, if \
             the {one} means the same. With `partial=true`, those {many} of a list that can be stored are stored, and the \
             answer names the others.\n\nAt most 1 MiB each, 10,000 {many} and 32 MiB a request. The body may be compressed, with \
             `Content-Encoding: gzip` or `zstd`.",
            one = self.one,
            many = self.many
        );
        let receipt = |duplicate: bool| {
            json!({
                "uuid": "410237f7-2a6f-48de-9c41-b988326d7607", "channel_id": 1, "position": 0,
                "recorded_at": "2026-11-22T16:56:23.865036Z", "leaf_hash": LEAF_HASH, "duplicate": duplicate
            })
        };
        let in_part = json!({
            "accepted": 1, "duplicates": 0, "rejected": 1,
            "errors": [{ "pointer": "/1/user", "detail": "user must be an object, an integer or a string", "line": 2 }],
            "receipts": [receipt(false)]
        });
        let receipts = any_of([named("Receipt").into(), named("Receipts").into()]);
        let made = "The receipt of a single one, or all receipts in the order of the request.";
        let append =
            Operation::new(&format!("append{}s", self.record), self.tag, &format!("Appends one {}, or several at once", self.one))
                .body(JSON, json_content(body, (self.sent)()))
                .body("application/x-ndjson", Content::new(Some(string().description(Some(lines)))));
        let append = if S::APPEND_PARAMETERS.contains(&"format") { with_cloud_events(append) } else { append };
        let form = self.form.map(|form| Content::new(Some(form())));
        form.into_iter()
            .fold(append, |append, form| append.body(FORM, form))
            .describe(&text)
            .parameters(append_parameters::<S>())
            .json(200, "A single one that was there already.", named("Receipt"), receipt(true))
            .json(201, made, receipts, receipt(false))
            .json(207, "With `partial=true`: some are not stored, and `errors` says which.", named("Receipts"), in_part)
            .problems(&READ)
            .problems(&BODY)
            .problems(&[Code::NotFound, Code::Conflict])
    }

    fn get(&self) -> Operation {
        Operation::new(&format!("get{}", self.record), self.tag, &format!("One {}", self.one))
            .describe("Role `reader` or `admin`.")
            .shared_parameters([self.shared("channel_id")])
            .json(200, &format!("The {}.", self.one), named(self.record), (self.example)())
            .problems(&READ)
            .problems(&RECORDS)
            .problems(&[Code::NotFound])
    }

    fn summary<S: Stream>(&self) -> Operation {
        let by = format!("What to group by. Spans of time are those of `{}` in UTC.", S::TIME);
        let names: Vec<&str> = S::GROUPS.iter().map(|(name, _)| *name).collect();
        let example = json!({"group_by": names[0], "total": 3, "groups": [{"key": "a", "count": 2}, {"key": null, "count": 1}], "other": {"groups": 0, "count": 0}});
        Operation::new(&format!("summarize{}s", self.record), self.tag, &format!("How many {} match, by group", self.many))
            .describe(
                "Role `reader` or `admin`. At most 1,000 groups: the largest, largest first; of spans of time the latest, in \
                 their order. `other` is what the rest comes to.",
            )
            .parameters([required_query("group_by", &by, one_of(names))])
            .shared_parameters(filters::<S>(self))
            .json(
                200,
                "The counts. Those of `groups` and `other` add up to `total`.",
                named(&format!("{}Summary", self.record)),
                example,
            )
            .problems(&READ)
    }

    fn histogram<S: Stream>(&self) -> Operation {
        let span = format!("The spans of `{}`, in UTC. A week starts on Monday, a month is one of the calendar.", S::TIME);
        let split = "What to split each span by: the 20 largest groups of all that match, `groups`, are counted in each span.";
        let example = json!({
            "span": "day", "total": 3, "spans": [{"start": "2023-10-16T00:00:00Z", "count": 3}], "earlier": {"spans": 0, "count": 0}
        });
        Operation::new(&format!("histogramOf{}s", self.record), self.tag, &format!("How many {} match, by span of time", self.many))
            .describe(
                "Role `reader` or `admin`. The latest 1,000 spans, in their order; those without records are left out. `earlier` is \
                 what the spans before them come to, and `other` what the groups that are not listed come to.",
            )
            .parameters([
                required_query("span", &span, one_of(SPANS.iter().map(|(name, _)| *name))),
                query("split_by", split, one_of(S::SPLITS.iter().map(|(name, _)| *name))),
            ])
            .shared_parameters(filters::<S>(self))
            .json(200, "The counts.", named(&format!("{}Histogram", self.record)), example)
            .problems(&READ)
    }
}

pub(crate) const LEAF_HASH: &str = "7a79e197dcbd8d0be10d18cb45dc4e1f3ffa3a35ab46ad9ad1fa1fb5ca3b08e2";
