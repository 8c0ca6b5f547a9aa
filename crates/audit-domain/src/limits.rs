//! The limits of the log, and the reason for each. The log stores everything within these limits
//! byte for byte.

/// Bytes of one event or action log as sent: 1 MiB. A bigger record is a file, and belongs in a file store with its digest here.
pub const EVENT_BYTES_MAX: usize = 1024 * 1024;

/// Bytes by which an event may grow between its request and its export: members that the server
/// fills in (an action, a table name) or adds (position, leaf hash, names of absent members). An
/// import accepts the export of the largest event.
pub const EVENT_BYTES_ADDED_MAX: usize = 4096;

/// Events of one request. A request is one transaction: this limit keeps the transaction short for
/// the requests that wait.
pub const EVENTS_PER_REQUEST_MAX: usize = 10_000;

/// Uuids of an erasure: they fit into a small body, and are read one by one.
pub const ERASURE_UUIDS_MAX: usize = 1_000;

/// Characters of the reason of an erasure: a sentence, or the number of a ticket.
pub const REASON_CHARS_MAX: usize = 1_000;

/// Bytes of one request body: 32 MiB, half of [`BYTES_IN_FLIGHT_MAX`], so that one client cannot take the whole budget.
pub const REQUEST_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Bytes of all requests that are being read or wait for their commit: 64 MiB, the memory an overload can take.
pub const BYTES_IN_FLIGHT_MAX: usize = 64 * 1024 * 1024;

/// Arrays and objects that are open at the same place. Python's `json`, the most common reader of
/// these APIs, fails a little under 1,000 levels, and an answer wraps an event in a few levels.
pub const NESTING_MAX: usize = 500;

/// Levels by which an event may grow in the same way: an export puts an unknown member into
/// `extra`.
pub const NESTING_ADDED_MAX: usize = 1;

/// Members of an event or action log, without nested ones. A member of five bytes takes three
/// hundred bytes while it is read, so a record of 1 MiB would take sixty MiB. Real records have
/// less than a tenth as many members.
pub const MEMBERS_MAX: usize = 10_000;

/// Characters of an action or an outcome: a name to group by, not a sentence (there is `description` for that).
pub const NAME_CHARS_MAX: usize = 100;

/// Characters of a text that goes into a filter column as it is; see [`crate::index_key`]. 255
/// characters of four bytes stay under the 2,704 bytes of the largest PostgreSQL btree entry.
pub const INDEX_KEY_CHARS_MAX: usize = 255;

/// Characters before the digest if a text does not fit. With U+0001 and 64 hex digits they make
/// 255.
pub const INDEX_KEY_PREFIX_CHARS: usize = INDEX_KEY_CHARS_MAX - 65;

/// Characters of a beginning of a url in a filter. A filter column has that many of every url.
pub const URL_PREFIX_CHARS_MAX: usize = INDEX_KEY_PREFIX_CHARS;

/// Entries of a page of the native API if the request does not set a size.
pub const PAGE_SIZE_DEFAULT: usize = 100;

/// Entries of the largest page.
pub const PAGE_SIZE_MAX: usize = 1_000;

/// Bytes of the values of a page, which the server builds in memory: 16 MiB. So the ten largest
/// events, which are the default page of the published APIs, always fit.
pub const PAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Entries that always fit into [`PAGE_BYTES_MAX`], whatever their size.
pub const PAGE_SIZE_THAT_FITS: usize = PAGE_BYTES_MAX / (EVENT_BYTES_MAX + EVENT_BYTES_ADDED_MAX);

/// Groups that a summary lists. It counts the others together.
pub const GROUPS_MAX: usize = 1_000;

/// Spans that a histogram lists. It counts the earlier ones together. A chart has fewer points
/// across.
pub const HISTOGRAM_SPANS_MAX: usize = 1_000;

/// Groups by which a histogram splits its spans. It counts the others together. A reader cannot
/// distinguish more colours.
pub const HISTOGRAM_GROUPS_MAX: usize = 20;

/// Values of one list in a filter. For each value, a query reads a set from the index of every
/// segment and binds a value to a statement.
pub const FILTER_VALUES_MAX: usize = 100;

/// Characters of a token's name.
pub const TOKEN_NAME_CHARS_MAX: u64 = 100;

/// Channels in the list of a token, and in the list of a query. A query looks into the log of each
/// channel and binds a value for it, and a database takes some ten thousand values in a statement.
/// A token that needs more channels has `*`.
pub const CHANNELS_MAX: usize = 1_000;

/// Characters of a key that the operator sets: shorter keys can be guessed.
pub const TOKEN_KEY_CHARS_MIN: usize = 16;

/// The highest level of an action log: Python's CRITICAL. The lowest is 0.
pub const LEVEL_MAX: i64 = 50;

/// The highest level that a client may send. One above [`LEVEL_MAX`] (custom levels of Python) is
/// stored as that. A larger number belongs to another scale: 20000 is INFO to logback.
pub const LEVEL_SENT_MAX: i64 = 100;
