//! Random combinations of the published APIs' parameters: ids and counts equal what the reference meaning of filter and
//! sort ([`EventFilter::matches`], [`EventSort::compare`]) gives over all events.

use audit_http::store::domain::{Event, EventFilter, EventSort, Role, SortField, SortKey, SortRow, Timestamp};

use crate::common::{Ask, Client, TestServer, all_events, fixture_lines, uuids_of};

const CASES: usize = 400;

/// A small generator (SplitMix64): the cases are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % end as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// Real events of six channels, and some made to tie: equal timestamps, ids as texts, nulls.
fn lines() -> Vec<String> {
    let mut lines: Vec<String> = fixture_lines().iter().step_by(17).cloned().collect();
    for n in 0..90 {
        let (channel, second) = (1 + n % 3, n % 4);
        let object_id = ["null", "7", "\"7\"", "\"abc\"", "\"007\"", "-1", "18446744073709551616", "10", "9"][n % 9];
        let user =
            ["null", "12", "\"12\"", r#"{"pk":12,"username":"a"}"#, r#"{"pk":"x"}"#, r#"{"username":"b"}"#, "\"x\"", "2"][n % 8];
        let content_type = ["null", "4", "41", "5"][n % 4];
        let url = ["null", "\"\"", "\"/a b\"", "\"/a+b\"", "\"caf\\u00e9\"", "\"a\\u0000b\""][n % 6];
        lines.push(format!(
            r#"{{"channel_id":{channel},"timestamp":"2021-05-01T00:00:0{second}Z","object_id":{object_id},"user":{user},"content_type":{content_type},"url":{url}}}"#
        ));
    }
    lines
}

/// One question: its parameters, and what they mean.
#[derive(Default)]
struct Question {
    parameters: Vec<(String, String)>,
    filter: EventFilter,
    sort: Vec<SortKey<SortField>>,
}

impl Question {
    fn ask(&mut self, name: &str, value: impl Into<String>) {
        self.parameters.push((name.to_owned(), value.into()));
    }

    fn draw(random: &mut Random, events: &[Event], takes_dates: bool) -> Question {
        let mut question = Question::default();
        let event = random.pick(events);
        let keys = event.filter_columns();
        if random.one_in(3) {
            let number = keys.content_type.unwrap_or(4);
            question.filter.content_type = Some(number);
            question.ask("content_type", spelled(random, number));
        }
        if random.one_in(5) {
            let number = keys.object_num.unwrap_or(7);
            question.filter.object_id = Some(number.to_string());
            question.ask("object_id", spelled(random, number));
        }
        if random.one_in(4) {
            let number = keys.user_num.unwrap_or(12);
            question.filter.user = Some(number.to_string());
            question.ask("user", spelled(random, number));
        }
        if random.one_in(6)
            && let Some(url) = event.entry.decoded(audit_http::store::domain::slot::URL)
            && let Some(url) = url.as_str().filter(|url| !url.trim().is_empty() && url.trim() == *url)
        {
            question.filter.url = Some(url.to_owned());
            question.ask("url", url);
        }
        if random.one_in(25) {
            question.filter.uuid = Some(event.entry.uuid);
            question.ask(
                "uuid",
                if random.one_in(2) { event.entry.uuid.to_string() } else { event.entry.uuid.simple().to_string().to_uppercase() },
            );
        }
        question.draw_times(random, events, takes_dates);
        question.draw_sort(random);
        // Empty parameters are off, unknown ones ignored.
        let name = *random.pick(&["unknown", "url", "timestamp__gt", "user"]);
        if question.parameters.iter().all(|(known, _)| known != name) {
            question.ask(name, if random.one_in(2) { "" } else { " " });
        }
        question
    }

    fn draw_times(&mut self, random: &mut Random, events: &[Event], takes_dates: bool) {
        for (name, chance) in [
            ("timestamp", 20),
            ("timestamp__gt", 5),
            ("timestamp__gte", 6),
            ("timestamp__lt", 5),
            ("timestamp__lte", 6),
            ("start_date", 6),
            ("end_date", 6),
        ] {
            if !random.one_in(chance) || !takes_dates && name.ends_with("_date") {
                continue;
            }
            let at = random.pick(events).entry.timestamp;
            let micros = at.micros();
            let interval = &mut self.filter.timestamp;
            match name {
                "timestamp" => interval.exactly(micros),
                "timestamp__gt" => interval.gt(micros),
                "timestamp__gte" | "start_date" => interval.ge(micros),
                "timestamp__lt" => interval.lt(micros),
                _ => interval.le(micros),
            }
            self.ask(name, shifted(random, at));
        }
    }

    fn draw_sort(&mut self, random: &mut Random) {
        let names = [
            ("timestamp", Some(SortField::Timestamp)),
            ("content_type", Some(SortField::ContentType)),
            ("object_id", Some(SortField::ObjectId)),
            ("user", Some(SortField::User)),
            ("uuid", Some(SortField::Uuid)),
            ("url", None),
        ];
        let mut asked = Vec::new();
        for _ in 0..random.below(4) {
            let ((name, field), descending) = (*random.pick(&names), random.one_in(2));
            asked.push(format!("{}{name}", if descending { "-" } else { "" }));
            self.sort.extend(field.map(|field| SortKey { field, descending }));
        }
        if !asked.is_empty() {
            self.ask("sort", asked.join(if random.one_in(2) { "," } else { ", " }));
        }
    }
}

/// An integer in a form that Python's `Decimal` takes.
fn spelled(random: &mut Random, number: i64) -> String {
    match random.below(5) {
        0 => format!(" {number} "),
        1 => format!("{number}.0"),
        2 if number >= 0 => format!("+0{number}"),
        _ => number.to_string(),
    }
}

/// An instant, with one of several offsets.
fn shifted(random: &mut Random, at: Timestamp) -> String {
    let (offset, hours) = *random.pick(&[("Z", 0), ("", 0), ("+03:00", 3), ("-0700", -7)]);
    let local = Timestamp::from_micros(at.micros() + hours * 3_600_000_000).unwrap().to_string();
    let local = local.trim_end_matches('Z');
    format!("{}{offset}", if random.one_in(3) { local.replace('T', " ") } else { local.to_owned() })
}

fn encoded(parameters: &[(String, String)]) -> String {
    let escaped = |text: &str| {
        text.bytes()
            .map(|byte| {
                if byte.is_ascii_alphanumeric() || b"_-.".contains(&byte) {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            })
            .collect::<String>()
    };
    parameters.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect::<Vec<_>>().join("&")
}

#[test]
fn random_questions_are_answered_as_the_reference_says() {
    let server = TestServer::start();
    server.append_all(&lines());
    let events: Vec<Event> = (1..=6).flat_map(|channel| all_events(&server.store, channel)).collect();
    let rows: Vec<SortRow> = events.iter().map(SortRow::from_event).collect();
    let keys = [("*", vec![1]), ("1,2,3,4,5,6", vec![1, 2, 3, 4, 5, 6]), ("2,3,9", vec![2, 3])]
        .map(|(grant, channels)| (server.token(Role::Reader, grant), channels));
    let mut random = Random(20_231_016);
    let mut client = server.connect();
    let mut matched = 0;
    for _ in 0..CASES {
        let (key, granted) = random.pick(&keys);
        let (path, channels) = match random.below(3) {
            0 => ("/api/v1/oms/settings/audit_events/".to_owned(), granted.clone()),
            1 => ("/api/v1/data-warehouse/audit-events/".to_owned(), granted.clone()),
            _ => {
                let channel = 1 + random.below(4) as i64;
                let seen = key == &keys[0].0 || granted.contains(&channel);
                (format!("/api/v1/remote/{channel}/data-warehouse/audit-events/"), if seen { vec![channel] } else { vec![] })
            }
        };
        let question = Question::draw(&mut random, &events, path.contains("oms"));
        let sort = EventSort::by(question.sort.clone());
        let mut wanted: Vec<usize> = (0..events.len())
            .filter(|index| channels.contains(&events[*index].entry.channel_id.get()) && question.filter.matches(&events[*index]))
            .collect();
        wanted.sort_by(|a, b| sort.compare(&rows[*a], &rows[*b]));
        matched += usize::from(!wanted.is_empty());
        let size = 1 + random.below(40);
        let pages = wanted.len().div_ceil(size).max(1);
        let page = 1 + random.below(pages);
        let mut parameters = question.parameters;
        parameters.push(("limit".to_owned(), size.to_string()));
        parameters.push(("page".to_owned(), page.to_string()));
        let target = format!("{path}?{}", encoded(&parameters));
        check(&mut client, key, &target, &wanted[(page - 1) * size..wanted.len().min(page * size)], wanted.len(), &events);
    }
    assert!(matched > CASES / 3, "only {matched} questions have an answer that is not empty");
    server.stop();
}

fn check(client: &mut Client, key: &str, target: &str, page: &[usize], count: usize, events: &[Event]) {
    let answer = client.ask(&Ask::get(target).key(key)).expect(200);
    assert_eq!(answer["count"], count, "{target}");
    let wanted: Vec<String> = page.iter().map(|index| events[*index].entry.uuid.to_string()).collect();
    assert_eq!(uuids_of(&answer), wanted, "{target}");
}
