//! What the log accepts, and why. Everything within these limits is stored byte for byte.

/// Bytes of one event or action log as sent: 1 MiB. A bigger record is a file, and belongs in a file store with its digest here.
pub const EVENT_BYTES_MAX: usize = 1024 * 1024;

/// Bytes by which an event may grow between the request it came in and its export: members that the server fills in (an
/// action, a table name) or adds (position, leaf hash, names of absent members). An export of the largest event is read back.
pub const EVENT_BYTES_ADDED_MAX: usize = 4096;

/// Events of one request. A request is one transaction: this keeps the writer's turn short for its neighbours.
pub const EVENTS_PER_REQUEST_MAX: usize = 10_000;

/// Bytes of one request body: 32 MiB, half of [`BYTES_IN_FLIGHT_MAX`], so that one client cannot take the whole budget.
pub const REQUEST_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Bytes of all requests that are being read or wait for their commit: 64 MiB, the memory an overload can take.
pub const BYTES_IN_FLIGHT_MAX: usize = 64 * 1024 * 1024;

/// Arrays and objects open at once. Python's `json`, the most common reader of these APIs, gives up a little under
/// 1,000 levels, and an answer wraps an event in a few of its own.
pub const NESTING_MAX: usize = 500;

/// Levels by which an event may grow on the same way: an unknown member is exported inside `extra`.
pub const NESTING_ADDED_MAX: usize = 1;

/// Members of an event or action log, nested ones not counted. A member of five bytes takes three hundred while it is read, so a record of
/// 1 MiB would take sixty; nobody's record has a tenth as many.
pub const MEMBERS_MAX: usize = 10_000;

/// Characters of an action: a name to group by, not a sentence (there is `description` for that).
pub const ACTION_CHARS_MAX: usize = 100;

/// Characters of a text that goes into a filter column as it is; see [`crate::index_key`]. 255 four-byte characters stay
/// under the 2,704 bytes that a PostgreSQL btree entry can hold.
pub const INDEX_KEY_CHARS_MAX: usize = 255;

/// Characters kept in front of the digest when a text does not fit: with U+0001 and 64 hex digits they make 255.
pub const INDEX_KEY_PREFIX_CHARS: usize = INDEX_KEY_CHARS_MAX - 65;

/// Entries of a page of the native API when nothing is asked for.
pub const PAGE_SIZE_DEFAULT: usize = 100;

/// Entries of the largest page.
pub const PAGE_SIZE_MAX: usize = 1_000;

/// Bytes of values of a page, which is built in memory: 16 MiB, so that the ten largest events, the default page of the published
/// APIs, always fit.
pub const PAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Entries that always fit into [`PAGE_BYTES_MAX`], however large each of them is.
pub const PAGE_SIZE_THAT_FITS: usize = PAGE_BYTES_MAX / (EVENT_BYTES_MAX + EVENT_BYTES_ADDED_MAX);

/// Groups of a summary that are listed; the others are summed up.
pub const GROUPS_MAX: usize = 1_000;

/// Spans of a histogram that are listed; the earlier ones are summed up. A chart has fewer points across.
pub const HISTOGRAM_SPANS_MAX: usize = 1_000;

/// Groups by which the spans of a histogram are split; the others are summed up. Nobody tells more colours apart.
pub const HISTOGRAM_GROUPS_MAX: usize = 20;

/// Values of one list in a filter. Each is a set that an index reads of every segment, and a value of a statement.
pub const FILTER_VALUES_MAX: usize = 100;

/// Characters of a token's name.
pub const TOKEN_NAME_CHARS_MAX: u64 = 100;

/// Channels of a token that lists them, and of a read that names them. Each is a log that is looked into, and a value of a
/// statement, of which a database takes some ten thousand; a token that needs more has `*`.
pub const CHANNELS_MAX: usize = 1_000;

/// Characters of a key that is given from outside: shorter ones can be guessed.
pub const TOKEN_KEY_CHARS_MIN: usize = 16;

/// The highest level of an action log: Python's CRITICAL. The lowest is 0.
pub const LEVEL_MAX: i64 = 50;
