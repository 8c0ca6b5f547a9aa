//! Query parameters of the native API: strict, since a filter that is silently ignored shows what was not asked for.

use std::collections::BTreeSet;

use actix_web::HttpRequest;
use audit_store::domain::uuid::Uuid;
use audit_store::domain::{ChannelGrant, ChannelId, Fault, Interval, Timestamp, canonical_integer, limits, parse_uuid};

use super::list;
use crate::auth::Caller;
use crate::params::Params;
use crate::problem::{ERRORS_MAX, Problem};

/// Known parameters, each at most once, and what turns out to be wrong with them.
pub(crate) struct Query {
    params: Params,
    errors: Vec<(String, String)>,
}

impl Query {
    /// Takes the parameters of a request; one that is not known, or given twice, is an error at once.
    pub(crate) fn parse(request: &HttpRequest, known: &[&str]) -> Result<Query, Problem> {
        let params = Params::parse(request.query_string());
        let mut errors: Vec<(String, String)> = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        for (name, _) in params.iter() {
            if errors.len() == ERRORS_MAX {
                break;
            }
            if !known.contains(&name) {
                errors.push((name.to_owned(), unknown(name, known)));
            } else if seen.contains(&name) {
                errors.push((name.to_owned(), format!("{name} is given more than once")));
            }
            seen.push(name);
        }
        if errors.is_empty() { Ok(Query { params, errors }) } else { Err(Problem::invalid_query(errors)) }
    }

    /// All errors at once.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::invalid_query(self.errors)) }
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.params.last(name).map(str::to_owned)
    }

    /// Reads a parameter, and notes what is wrong with it.
    pub(crate) fn parsed<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let parsed = parse(self.params.last(name)?);
        parsed.map_err(|why| self.errors.push((name.to_owned(), format!("{name} {why}")))).ok()
    }

    /// What a parameter names; `None` where it is not given.
    pub(crate) fn named<T: Copy>(&mut self, name: &str, known: &[(&'static str, T)]) -> Option<(&'static str, T)> {
        self.parsed(name, |text| {
            known.iter().find(|(known, _)| *known == text).copied().ok_or_else(|| format!("must be one of {}", names(known)))
        })
    }

    /// The same of a parameter that is required.
    pub(crate) fn required<T: Copy>(&mut self, name: &str, known: &[(&'static str, T)]) -> Option<(&'static str, T)> {
        if self.params.last(name).is_none() {
            self.errors.push((name.to_owned(), format!("{name} is required: one of {}", names(known))));
        }
        self.named(name, known)
    }

    /// `channel_id=1`, `1,2` or `all`; omitted, the caller's own. What the caller may not see looks empty.
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

    /// How many channels `channel_id` names; `None` where it names none by number.
    pub(super) fn channels_named(&self) -> Option<usize> {
        let ids = self.params.last("channel_id").filter(|text| *text != "all")?.split(',');
        Some(ids.collect::<BTreeSet<_>>().len())
    }

    /// A uuid.
    pub(crate) fn uuid(&mut self, name: &str) -> Option<Uuid> {
        self.parsed(name, uuid)
    }

    /// The values of a parameter that takes several, which is called `…__in` or `…__not`.
    pub(crate) fn values<T: Ord>(&mut self, name: &str, suffix: &str, parse: fn(&str) -> Result<T, String>) -> BTreeSet<T> {
        let values = self.parsed(&format!("{name}{suffix}"), |text| list::split(text)?.iter().map(|value| parse(value)).collect());
        values.unwrap_or_default()
    }

    /// The bounds of a parameter: itself, and with `__gt`, `__gte`, `__lt`, `__lte`.
    pub(crate) fn interval(&mut self, name: &str, parse: fn(&str) -> Result<i64, String>) -> Interval {
        let mut interval = Interval::default();
        let mut bound = |suffix: &str, narrow: fn(&mut Interval, i64)| {
            if let Some(bound) = self.parsed(&format!("{name}{suffix}"), parse) {
                narrow(&mut interval, bound);
            }
        };
        bound("", Interval::exactly);
        bound("__gt", Interval::gt);
        bound("__gte", Interval::ge);
        bound("__lt", Interval::lt);
        bound("__lte", Interval::le);
        interval
    }
}

fn names<T>(known: &[(&'static str, T)]) -> String {
    known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// A uuid.
pub(crate) fn uuid(text: &str) -> Result<Uuid, String> {
    parse_uuid(text).ok_or_else(|| Fault::NotAUuid.to_string())
}

/// Any text.
pub(crate) fn text(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

/// An integer in its canonical form.
pub(crate) fn integer(text: &str) -> Result<i64, String> {
    canonical_integer(text).ok_or_else(|| format!("must be an integer from {} to {}", i64::MIN, i64::MAX))
}

/// A date-time, as microseconds.
pub(crate) fn instant(text: &str) -> Result<i64, String> {
    Timestamp::parse(text).map(Timestamp::micros).map_err(|fault| fault.to_string())
}

fn unknown(name: &str, known: &[&str]) -> String {
    let nearest = known.iter().max_by(|a, b| strsim::jaro_winkler(name, a).total_cmp(&strsim::jaro_winkler(name, b)));
    match nearest {
        None => format!("{name} is not known here; there are no parameters"),
        Some(nearest) => format!("{name} is not known here; did you mean {nearest}?"),
    }
}
