//! What is counted, on data that is always the same: uuids, times and values follow from an event's number.

use std::hint::black_box;
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, ensure};
use audit_store::domain::uuid::Uuid;
use audit_store::domain::{ChannelGrant, ChannelId, Clock, EventFilter, NewEvent, ParseMode};
use audit_store::{Store, StoreConfig};

/// Events of the small and of the large log. Both end 32 events after a segment of the index, and have four and five segments: what is
/// left between them is what grows with the log.
pub(crate) const SIZES: [usize; 2] = [4 * 512 + 32, 5 * 4_096 + 32];

const REQUEST: usize = 1_000;

/// Events before those that are counted: too few for a segment, which would be indexed while the others are counted.
const WARM_UP: usize = 31;

/// Short operations are counted so many times together, and the mean counts: a thread that looks at the files every second would be seen
/// in a single one.
const GETS: usize = 100;
const LISTS: usize = 50;

#[derive(Clone, Copy)]
pub(crate) enum Operation {
    Append,
    Get,
    List,
}

impl Operation {
    pub(crate) const ALL: [Operation; 3] = [Operation::Append, Operation::Get, Operation::List];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Operation::Append => "append-1000-events",
            Operation::Get => "get-by-uuid",
            Operation::List => "list-two-filters",
        }
    }

    pub(crate) fn named(name: &str) -> anyhow::Result<Operation> {
        Operation::ALL.into_iter().find(|it| it.name() == name).with_context(|| format!("no operation is called {name}"))
    }

    pub(crate) fn times(self) -> u64 {
        match self {
            Operation::Append => 1,
            Operation::Get => GETS as u64,
            Operation::List => LISTS as u64,
        }
    }

    /// Does it once to warm up, and once in [`counted_operation`].
    pub(crate) fn run(self, directory: &Path) -> anyhow::Result<()> {
        let store = open(directory)?;
        let heads = store.channels(ChannelGrant::All).events().states()?;
        let size = usize::try_from(heads.first().map_or(0, |head| head.size))?;
        match self {
            Operation::Append => {
                append(&store, &texts(size..size + WARM_UP))?;
                let texts = texts(size + WARM_UP..size + WARM_UP + REQUEST);
                counted_operation(&|| append(&store, &texts))?;
            }
            Operation::Get => {
                // Spread over the log, the same share of it at each size.
                let uuids: Vec<Uuid> = (0..GETS).map(|number| uuid(number * size / GETS)).collect();
                get(&store, &uuids)?;
                counted_operation(&|| get(&store, &uuids))?;
            }
            Operation::List => {
                list(&store)?;
                counted_operation(&|| list(&store))?;
            }
        }
        Ok(())
    }
}

/// All that the process does in here is counted, in all of its threads. Callgrind knows the function by its name.
#[inline(never)]
fn counted_operation(work: &dyn Fn() -> anyhow::Result<()>) -> anyhow::Result<()> {
    black_box(work)()
}

/// Makes a log of so many events, with its index and its tree. What these lacked, the store of the operation would compute while it
/// is counted.
pub(crate) fn make_log(directory: &Path, size: usize) -> anyhow::Result<()> {
    std::fs::create_dir_all(directory)?;
    let store = open(directory)?;
    for start in (0..size).step_by(REQUEST) {
        append(&store, &texts(start..size.min(start + REQUEST)))?;
    }
    store.index()?;
    store.seal()?;
    store.close();
    Ok(())
}

fn open(directory: &Path) -> anyhow::Result<Store> {
    let clock = Clock::from_fn(|| SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600));
    let url = format!("sqlite://{}/audit.db", directory.display());
    // With one connection, each read finds the warm one.
    Ok(Store::open(StoreConfig::new(url).clock(clock).readers(1).point_readers(1))?)
}

/// As a request comes: texts are parsed, prepared, appended, and on disk.
fn append(store: &Store, texts: &[String]) -> anyhow::Result<()> {
    let events = texts.iter().map(|text| NewEvent::parse(text, ParseMode::NATIVE)).collect::<Result<Vec<_>, _>>()?;
    let receipts = store.channels(ChannelId::DEFAULT).events().append_all(events)?;
    ensure!(receipts.len() == texts.len(), "a receipt is missing");
    Ok(())
}

fn get(store: &Store, uuids: &[Uuid]) -> anyhow::Result<()> {
    let log = store.channels(ChannelId::DEFAULT).events();
    for uuid in uuids {
        ensure!(log.get(*uuid)?.is_some(), "{uuid} is not in the log");
    }
    Ok(())
}

fn list(store: &Store) -> anyhow::Result<()> {
    let filter = EventFilter { content_type: Some(3), action: Some("UPDATE".to_owned()), ..EventFilter::default() };
    let list = store.channels(ChannelId::DEFAULT).events().list(filter);
    for _ in 0..LISTS {
        let page = list.page(1, 10)?;
        ensure!(page.records.len() == 10 && page.count > 10, "the list has {} events", page.count);
    }
    Ok(())
}

fn texts(numbers: Range<usize>) -> Vec<String> {
    numbers.map(text).collect()
}

fn uuid(number: usize) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, &number.to_be_bytes())
}

fn text(number: usize) -> String {
    let (uuid, user, object) = (uuid(number), number % 50, number % 997);
    let (content_type, action) = (1 + number % 7, ["INSERT", "UPDATE", "UPDATE", "DELETE"][number % 4]);
    let (minute, second) = (number / 60 % 60, number % 60);
    format!(
        r#"{{"uuid":"{uuid}","timestamp":"2025-{:02}-{:02}T{:02}:{minute:02}:{second:02}Z","content_type":{content_type},
        "table_name":"orders.item{content_type}","object_id":{object},"action":"{action}","url":"https://shop.example/items/{object}",
        "remote_addr":"192.0.2.{user}","user":{{"pk":{user},"username":"user{user}","email":"user{user}@shop.example"}},
        "headers":{{"User-Agent":"Mozilla/5.0 (X11; Linux x86_64)","Accept":"application/json"}},
        "content":{{"new_data":{{"quantity":{second}.0,"state":"packed","note":"Leave it at the door, please."}},
        "old_data":{{"quantity":{minute}.0,"state":"ordered","note":"Leave it at the door, please."}}}}}}"#,
        1 + number / (28 * 24 * 3_600) % 12,
        1 + number / (24 * 3_600) % 28,
        number / 3_600 % 24,
    )
}
