//! Values come back byte for byte, at every API.

use std::collections::HashMap;

use audit_http::store::domain::{Role, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::common::{Ask, Fixture, TestServer, fixture_lines};

const EVENTS: &str = "/api/v1/events";
const OMS: &str = "/api/v1/oms/settings/audit_events/";
const WAREHOUSE: &str = "/api/v1/data-warehouse/audit-events/";

/// An object as the texts of its members; of a repeated one, the last.
type Raw = HashMap<String, Box<RawValue>>;

#[derive(Deserialize)]
struct Page {
    #[serde(alias = "next_cursor")]
    next: Option<String>,
    results: Vec<Raw>,
}

fn raw(text: &str) -> Raw {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text:.200}"))
}

fn text(object: &Raw, name: &str) -> String {
    object.get(name).unwrap_or_else(|| panic!("no {name}")).get().to_owned()
}

fn string(object: &Raw, name: &str) -> String {
    serde_json::from_str(object[name].get()).unwrap()
}

/// Every event of the fixture at one list, which goes on with what `next` makes of a page's link or cursor.
fn all(server: &TestServer, key: &str, first: &str, next: impl Fn(&str) -> String) -> HashMap<String, Raw> {
    let mut client = server.connect();
    let (mut events, mut target) = (HashMap::new(), first.to_owned());
    loop {
        let page: Page = serde_json::from_slice(&client.ask(&Ask::get(&target).key(key)).body).unwrap();
        for event in page.results {
            assert!(events.insert(string(&event, "uuid"), event).is_none());
        }
        match page.next {
            Some(link) => target = next(&link),
            None => return events,
        }
    }
}

#[test]
fn three_apis_return_fixture_values_byte_for_byte() {
    let server = Fixture::get().serve(|_| {});
    let key = server.token(Role::Reader, "1,2,3,4,5,6");
    let native = format!("{EVENTS}?limit=1000");
    let native = all(&server, &key, &native.clone(), |cursor| format!("{native}&cursor={cursor}"));
    let page = |path: &str| {
        all(&server, &key, &format!("{path}?limit=1000"), |link| link.strip_prefix("http://audit.example.com").unwrap().to_owned())
    };
    let (oms, warehouse) = (page(OMS), page(WAREHOUSE));
    assert_eq!((native.len(), oms.len(), warehouse.len()), (fixture_lines().len(), fixture_lines().len(), fixture_lines().len()));
    for line in fixture_lines() {
        let sent = raw(line);
        let uuid = string(&sent, "uuid");
        let at = |object: &Raw, name: &str| Timestamp::parse(&string(object, name)).unwrap();
        for got in [&native[&uuid], &oms[&uuid], &warehouse[&uuid]] {
            for name in ["remote_addr", "url", "query_params", "post_data", "headers", "content", "content_type", "object_id"] {
                assert_eq!(text(got, name), text(&sent, name), "{uuid} {name}");
            }
            assert_eq!(at(got, "timestamp"), at(&sent, "timestamp"));
            assert_eq!(string(got, "timestamp"), at(&sent, "timestamp").to_string());
        }
        assert_eq!(text(&native[&uuid], "user"), text(&sent, "user"));
        assert_eq!(text(&native[&uuid], "channel_id"), text(&sent, "channel_id"));
        check_users(&text(&sent, "user"), &text(&oms[&uuid], "user"), &text(&warehouse[&uuid], "user"));
        assert_eq!((oms[&uuid].len(), warehouse[&uuid].len(), native[&uuid].len()), (11, 11, 25));
    }
    server.stop();
}

fn check_users(sent: &str, oms: &str, warehouse: &str) {
    if sent == "null" {
        return assert_eq!((oms, warehouse), ("null", "null"));
    }
    let shown = raw(warehouse);
    assert_eq!(shown.len(), 28);
    let snapshot = if sent.starts_with('{') { raw(sent) } else { Raw::new() };
    let pk = if sent.starts_with('{') {
        snapshot.get("pk").map_or("null".to_owned(), |pk| pk.get().to_owned())
    } else {
        sent.to_owned()
    };
    let pk = if pk.parse::<i64>().is_ok() { pk } else { "null".to_owned() };
    assert_eq!((oms, text(&shown, "pk").as_str()), (pk.as_str(), pk.as_str()));
    for (name, value) in shown.iter().filter(|(name, _)| *name != "pk") {
        assert_eq!(value.get(), snapshot.get(name).map_or("null", |value| value.get()), "{name}");
    }
}

/// JSON that other readers change or refuse: fractions of zero, exponents, numbers beyond a double, repeated and empty keys,
/// NUL, lone surrogates, blanks, escapes.
const ODD: &[(&str, &str)] = &[
    ("url", r#""\ud83d\ude00\u0000\/caf\u00e9é\ud800""#),
    ("remote_addr", r#""\udc00""#),
    ("query_params", r#"[ 2.0 , -0, -0.0,1E+2, 1e400,0.10 ]"#),
    ("post_data", "{\"a\":1,\"a\":{\"\":\"\"},\n\t\"\\u0061\" : null,\"\\ud800\":\"\\u0000\"}"),
    ("headers", r#""\u2028\u0007\"\\\b\f\n\r\t \ufeff""#),
    (
        "content",
        r#"{"old_data":{"quantity":1.0,"n":18446744073709551616},"new_data":{"quantity":2.0,"n":123456789012345678901234567890.0e-10}}"#,
    ),
];

#[test]
fn unusual_values_are_returned_as_sent() {
    let server = TestServer::start();
    let members: Vec<String> = ODD.iter().map(|(name, value)| format!("\"{name}\" : {value}")).collect();
    for (index, path) in [EVENTS, OMS, WAREHOUSE, "ndjson"].iter().enumerate() {
        let uuid = format!("55555555-0000-4000-8000-00000000000{index}");
        let event = format!("{{\"uuid\":\"{uuid}\",{}}}", members.join(" ,"));
        let ask = match *path {
            "ndjson" => Ask::post_lines(EVENTS, event.replace(['\n', '\t'], "")),
            path => Ask::post(path, event),
        };
        let answer = server.ask(&ask.key(&server.admin));
        assert_eq!(answer.status, 201, "{}", answer.text());
        let mut shown: Vec<Raw> = if index == 1 || index == 2 { vec![raw(&answer.text())] } else { Vec::new() };
        for target in [format!("{EVENTS}/{uuid}"), format!("{WAREHOUSE}{uuid}/")] {
            shown.push(raw(&server.get(&server.admin, &target).text()));
        }
        for target in [format!("{EVENTS}?uuid={uuid}"), format!("{OMS}?uuid={uuid}"), format!("{WAREHOUSE}?uuid={uuid}")] {
            let page: Page = serde_json::from_slice(&server.get(&server.admin, &target).body).unwrap();
            shown.extend(page.results);
        }
        assert!(shown.len() >= 5);
        for object in &shown {
            for (name, value) in ODD {
                let value = if *path == "ndjson" { value.replace(['\n', '\t'], "") } else { (*value).to_owned() };
                assert_eq!(text(object, name), value, "{name} written at {path}");
            }
        }
    }
    server.stop();
}

#[test]
fn extra_keeps_order_and_repetition_of_unknown_members() {
    let server = TestServer::start();
    let made = server.append(r#"{"b" : 2.0,"\u0061":null, "b":[ 1 ],"url":"/x","trace_id":"\ud800"}"#);
    let event = raw(&server.get(&server.admin, &format!("{EVENTS}/{}", made["uuid"].as_str().unwrap())).text());
    assert_eq!(text(&event, "extra"), r#"{"b":2.0,"\u0061":null,"b":[ 1 ],"trace_id":"\ud800"}"#);
    let given = server.append(r#"{"extra":{ "x" : 1.0 }}"#);
    let event = raw(&server.get(&server.admin, &format!("{EVENTS}/{}", given["uuid"].as_str().unwrap())).text());
    assert_eq!(text(&event, "extra"), r#"{ "x" : 1.0 }"#);
    let published = server.post(&server.admin, OMS, r#"{"trace_id":"t-1"}"#).expect(201);
    let event = raw(&server.get(&server.admin, &format!("{EVENTS}/{}", published["uuid"].as_str().unwrap())).text());
    assert_eq!(text(&event, "extra"), r#"{"trace_id":"t-1"}"#);
    server.stop();
}

#[test]
fn canonical_ids_are_integers_and_others_are_texts() {
    let server = TestServer::start();
    // Sent, shown by the native API, shown by the published ones.
    for (sent, native, published) in [
        ("859", "859", "859"),
        (r#""859""#, "859", "859"),
        ("-5", "-5", "-5"),
        ("9223372036854775807", "9223372036854775807", "9223372036854775807"),
        ("9223372036854775808", r#""9223372036854775808""#, "null"),
        ("-0", r#""-0""#, "null"),
        (r#""007""#, r#""007""#, "null"),
        (r#""+7""#, r#""+7""#, "null"),
        (r#""abc""#, r#""abc""#, "null"),
        (r#""\u0038""#, r#""\u0038""#, "8"),
        (r#""""#, r#""""#, "null"),
        ("null", "null", "null"),
    ] {
        let made = server.append(&format!("{{\"object_id\":{sent},\"user\":{sent}}}"));
        let uuid = made["uuid"].as_str().unwrap();
        let event = raw(&server.get(&server.admin, &format!("{EVENTS}/{uuid}")).text());
        assert_eq!((text(&event, "object_id").as_str(), text(&event, "user").as_str()), (native, sent), "{sent}");
        let event = raw(&server.get(&server.admin, &format!("{WAREHOUSE}{uuid}/")).text());
        assert_eq!(text(&event, "object_id"), published, "{sent}");
        match sent {
            "null" => assert_eq!(text(&event, "user"), "null"),
            _ => assert_eq!(text(&raw(&text(&event, "user")), "pk"), published, "{sent}"),
        }
        let page: Page = serde_json::from_slice(&server.get(&server.admin, &format!("{OMS}?uuid={uuid}")).body).unwrap();
        assert_eq!(
            (text(&page.results[0], "object_id").as_str(), text(&page.results[0], "user").as_str()),
            (published, published),
            "{sent}"
        );
    }
    server.stop();
}
