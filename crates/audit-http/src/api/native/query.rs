//! Query parameters of the native API. The parser is strict, because a filter that is silently
//! ignored would show entries that the client did not ask for.

use std::collections::BTreeSet;
use std::net::IpAddr;

use actix_web::HttpRequest;
use audit_store::domain::uuid::Uuid;
use audit_store::domain::{ChannelGrant, ChannelId, Fault, Network, Timestamp, canonical_integer, limits, parse_uuid};

use super::{Stream, filter};
use crate::auth::Caller;
use crate::failure::{ERRORS_MAX, Failure, InvalidParameter};
use crate::params::Params;

/// The known parameters, each at most once, and the errors found in them.
pub(crate) struct Query {
    params: Params,
    invalid: Vec<InvalidParameter>,
}

impl Query {
    /// Takes the parameters of a request. A parameter that is unknown or given twice is an error at
    /// once.
    pub(crate) fn parse(request: &HttpRequest, known: &[&str]) -> Result<Query, Failure> {
        let names = || known.iter().map(|name| (*name).to_owned()).collect();
        Query::take(request.query_string(), |name| known.contains(&name), names).map_err(Failure::Parameters)
    }

    /// Does the same as `parse`, with the filters of a stream in addition.
    pub(crate) fn parse_filtered<S: Stream>(request: &HttpRequest, known: &[&str]) -> Result<Query, Failure> {
        let is_known = |name: &str| known.contains(&name) || filter::find(S::FILTERS, name).is_some();
        let names = || filter::names(S::FILTERS).chain(known.iter().map(|name| (*name).to_owned())).collect();
        Query::take(request.query_string(), is_known, names).map_err(Failure::Parameters)
    }

    fn take(text: &str, is_known: impl Fn(&str) -> bool, known: impl Fn() -> Vec<String>) -> Result<Query, Vec<InvalidParameter>> {
        let params = Params::parse(text);
        let mut invalid: Vec<InvalidParameter> = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        for (name, _) in params.iter() {
            if invalid.len() == ERRORS_MAX {
                break;
            }
            if !is_known(name) {
                invalid.push(InvalidParameter::new(name, unknown(name, &known())));
            } else if seen.contains(&name) {
                let list = format!("{name}__in");
                let several = if is_known(&list) { format!("; several values go into {list}=A,B") } else { String::new() };
                invalid.push(InvalidParameter::new(name, format!("{name} is given more than once{several}")));
            }
            seen.push(name);
        }
        if invalid.is_empty() { Ok(Query { params, invalid }) } else { Err(invalid) }
    }

    /// Returns all errors at once.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        if self.invalid.is_empty() { Ok(()) } else { Err(Failure::Parameters(self.invalid)) }
    }

    /// Notes that a parameter cannot be used together with others.
    pub(crate) fn refuse(&mut self, name: &str, why: &str) {
        self.invalid.push(InvalidParameter::new(name, format!("{name} {why}")));
    }

    /// Reads a parameter and notes its error.
    pub(crate) fn parsed<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let parsed = parse(self.params.last(name)?);
        parsed.map_err(|why| self.invalid.push(InvalidParameter::new(name, format!("{name} {why}")))).ok()
    }

    /// Returns the known value that a parameter names, or `None` if the parameter is not given.
    pub(crate) fn named<T: Copy>(&mut self, name: &str, known: &[(&'static str, T)]) -> Option<(&'static str, T)> {
        self.parsed(name, |text| {
            known.iter().find(|(known, _)| *known == text).copied().ok_or_else(|| format!("must be one of {}", names(known)))
        })
    }

    /// Does the same for a parameter that is required.
    pub(crate) fn required<T: Copy>(&mut self, name: &str, known: &[(&'static str, T)]) -> Option<(&'static str, T)> {
        if self.params.last(name).is_none() {
            self.invalid.push(InvalidParameter::new(name, format!("{name} is required: one of {}", names(known))));
        }
        self.named(name, known)
    }

    /// Reads `channel_id=1`, `1,2` or `all`. Without the parameter, it returns the caller's own
    /// channels. A channel that the caller may not see looks empty.
    pub(crate) fn channels(&mut self, caller: &Caller) -> ChannelGrant {
        let asked = self.parsed("channel_id", |text| {
            if text == "all" {
                return Ok(caller.token.channels.clone());
            }
            if text.split(',').nth(limits::CHANNELS_MAX).is_some() {
                return Err(format!("must name at most {} channels, or `all`", limits::CHANNELS_MAX));
            }
            let ids: Result<Vec<ChannelId>, Fault> = text.split(',').map(str::parse).collect();
            ids.map(|ids| caller.channels_among(ids))
                .map_err(|_| "must be a channel, comma-separated channels, or `all`".to_owned())
        });
        asked.unwrap_or_else(|| caller.channels())
    }

    /// Returns the number of channels that `channel_id` names, or `None` if it names none by
    /// number.
    pub(super) fn channels_named(&self) -> Option<usize> {
        let ids = self.params.last("channel_id").filter(|text| *text != "all")?.split(',');
        Some(ids.collect::<BTreeSet<_>>().len())
    }

    /// Makes the filter from the parameters.
    pub(crate) fn filter<S: Stream>(&mut self) -> S::Filter {
        let mut filter = S::Filter::default();
        for (name, text) in self.params.iter() {
            if let Err(why) = filter::apply(S::FILTERS, name, text, &mut filter) {
                self.invalid.push(InvalidParameter::new(name, format!("{name} {why}")));
            }
        }
        filter
    }
}

/// Reads a filter from a query string, for programs. The error has the messages of all parameters.
pub(crate) fn parse_filter<S: Stream>(text: &str) -> Result<S::Filter, String> {
    let messages = |invalid: Vec<InvalidParameter>| {
        let messages: Vec<String> = invalid.into_iter().map(|parameter| parameter.message).collect();
        messages.join("; ")
    };
    let is_known = |name: &str| filter::find(S::FILTERS, name).is_some();
    let mut query = Query::take(text, is_known, || filter::names(S::FILTERS).collect()).map_err(messages)?;
    let filter = query.filter::<S>();
    if query.invalid.is_empty() { Ok(filter) } else { Err(messages(query.invalid)) }
}

fn names<T>(known: &[(&'static str, T)]) -> String {
    known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// Reads a uuid.
pub(super) fn uuid(text: &str) -> Result<Uuid, String> {
    parse_uuid(text).ok_or_else(|| Fault::NotAUuid.to_string())
}

/// Reads the beginning of a url. A filter column has the first characters of every url.
pub(super) fn prefix(text: &str) -> Result<String, String> {
    let max = limits::URL_PREFIX_CHARS_MAX;
    if text.is_empty() || text.chars().count() > max || text.contains(['\0', '\x01']) {
        return Err(format!("must have 1 to {max} characters, and neither U+0000 nor U+0001"));
    }
    Ok(text.to_owned())
}

/// Reads an IP address, a network or another text. An address with a prefix that it cannot have is a
/// mistake: as a text, it would find nothing.
pub(super) fn address(text: &str) -> Result<String, String> {
    let is_meant_as_network = text.split_once('/').is_some_and(|(address, _)| address.parse::<IpAddr>().is_ok());
    if is_meant_as_network && Network::parse(text).is_none() {
        return Err("must be an IP address, a network such as 10.0.0.0/8 or 2001:db8::/32, or another text".to_owned());
    }
    Ok(text.to_owned())
}

/// Reads an integer in its canonical form.
pub(super) fn integer(text: &str) -> Result<i64, String> {
    canonical_integer(text).ok_or_else(|| format!("must be an integer from {} to {}", i64::MIN, i64::MAX))
}

/// Reads a date-time, or seconds or milliseconds since 1970, as microseconds.
pub(super) fn instant(text: &str) -> Result<i64, String> {
    Timestamp::parse_or_epoch(text).map(Timestamp::micros).map_err(|fault| fault.to_string())
}

fn unknown(name: &str, known: &[String]) -> String {
    let nearest = known.iter().max_by(|a, b| strsim::jaro_winkler(name, a).total_cmp(&strsim::jaro_winkler(name, b)));
    match nearest {
        None => format!("{name} is not known here; there are no parameters"),
        Some(nearest) => format!("{name} is not known here; did you mean {nearest}?"),
    }
}
