//! Pages by number, in the envelope of DRF.

use audit_store::domain::{ObjectWriter, push_array};
use audit_store::{Page, PageNumber};

use super::{BaseUrl, whole_number};
use crate::blocking::page_buffer;
use crate::config::ApiConfig;
use crate::failure::Failure;
use crate::params::Params;

/// The number of a page and its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paging {
    pub(crate) page: PageNumber,
    pub(crate) size: i64,
}

impl Paging {
    /// Reads `page` (a number from 1, or `last`) and `limit`. A `limit` that is not a number means
    /// the default, and a `limit` above the maximum means the maximum.
    pub(crate) fn parse(config: &ApiConfig, params: &Params) -> Result<Paging, Failure> {
        let limit = params.last("limit").and_then(whole_number).filter(|limit| *limit > 0);
        let size = limit.map_or(config.page_size_default, |limit| limit.min(config.page_size_max));
        let page = match params.last("page").unwrap_or("") {
            "" => PageNumber::Number(1),
            "last" => PageNumber::Last,
            number => PageNumber::Number(whole_number(number).filter(|number| *number > 0).ok_or(Failure::InvalidPage)?),
        };
        Ok(Paging { page, size })
    }

    /// Cuts the page from a list that is in memory.
    pub(crate) fn page_of<R>(self, all: Vec<R>) -> Page<R> {
        let (count, size) = (all.len() as i64, self.size.max(1));
        let pages = (count / size + i64::from(count % size > 0)).max(1);
        let number = match self.page {
            PageNumber::Number(number) => number,
            PageNumber::Last => pages,
        };
        let skip = usize::try_from((number - 1).saturating_mul(size)).unwrap_or(usize::MAX);
        let records = all.into_iter().skip(skip).take(usize::try_from(size).unwrap_or(usize::MAX)).collect();
        Page { count, number, pages, records }
    }
}

/// The approximate bytes of a record in a page in addition to its values.
const RECORD_BYTES: usize = 1024;

/// Writes `count`, `next`, `previous` and `results`. A page after the last one does not exist.
pub(crate) fn write_page<R>(
    page: Page<R>,
    origin: &BaseUrl,
    params: &Params,
    bytes_of: fn(&R) -> usize,
    write: fn(&R, &mut String),
) -> Result<String, Failure> {
    if page.number > page.pages {
        return Err(Failure::InvalidPage);
    }
    let bytes: usize = page.records.iter().map(|record| RECORD_BYTES + bytes_of(record)).sum();
    let mut body = page_buffer(256 + bytes);
    let mut object = ObjectWriter::new(&mut body);
    object.integer("count", Some(page.count));
    let link = |object: &mut ObjectWriter<'_>, name: &str, number: Option<i64>| {
        match number {
            Some(number) => object.string(name, &origin.page(params, number)),
            None => object.raw(name, "null"),
        };
    };
    link(&mut object, "next", (page.number < page.pages).then_some(page.number + 1));
    link(&mut object, "previous", (page.number > 1).then_some(page.number - 1));
    // Each record is dropped as soon as it is written, so that the page is in memory only once.
    object.nested("results", |out| push_array(out, page.records, |record, out| write(&record, out)));
    object.end();
    Ok(body)
}
