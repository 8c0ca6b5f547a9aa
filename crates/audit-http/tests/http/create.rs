//! Writing through the published APIs, and what they have beside the golden answers.

use serde_json::{Value, json};

use crate::common::{Ask, TestServer, results_of, uuids_of};

const OMS: &str = "/api/v1/oms/settings/audit_events/";
const WAREHOUSE: &str = "/api/v1/data-warehouse/audit-events/";
const REMOTE: &str = "/api/v1/remote/1/data-warehouse/audit-events/";
const EVENTS: &str = "/api/v1/events";

const USER_KEYS: [&str; 28] = [
    "attributes",
    "attributes_kwargs",
    "avatar",
    "call_allowed",
    "date_joined",
    "date_of_birth",
    "email",
    "email_allowed",
    "first_name",
    "gender",
    "groups",
    "id",
    "is_active",
    "is_anonymized",
    "is_staff",
    "is_superuser",
    "language_code",
    "last_login",
    "last_name",
    "localized_attributes",
    "localized_attributes_kwargs",
    "modified_date",
    "phone",
    "pk",
    "sms_allowed",
    "user_permissions",
    "user_type",
    "username",
];

fn native(server: &TestServer, uuid: &Value) -> Value {
    server.get(&server.admin, &format!("{EVENTS}/{}", uuid.as_str().unwrap())).expect(200)
}

#[test]
fn an_event_written_at_one_api_is_seen_at_the_others() {
    let server = TestServer::start();
    for (index, path) in [OMS, WAREHOUSE, REMOTE, EVENTS].into_iter().enumerate() {
        let uuid = format!("66666666-0000-4000-8000-00000000000{index}");
        let event = json!({
            "uuid": uuid, "timestamp": "2023-10-16T12:00:00.5+03:00", "remote_addr": "192.0.2.1", "url": format!("/{index}"),
            "query_params": {"a": ["b"]}, "post_data": null, "headers": {}, "object_id": 859, "content_type": 41, "user": 7,
            "content": {"old_data": {"quantity": 1.5}, "new_data": {"quantity": 2.5}},
        });
        assert_eq!(server.post(&server.admin, path, event.to_string()).status, 201);
        let list = |path: &str| {
            let page = server.get(&server.admin, &format!("{path}?url=/{index}")).expect(200);
            assert_eq!(results_of(&page).len(), 1, "{path}");
            page["results"][0].clone()
        };
        let (oms, warehouse, shown) = (list(OMS), list(WAREHOUSE), list(EVENTS));
        for (name, value) in event.as_object().unwrap() {
            let value = if name == "timestamp" { &json!("2023-10-16T09:00:00.500000Z") } else { value };
            assert_eq!((&oms[name], &shown[name]), (value, value), "{name} written at {path}");
            if name != "user" {
                assert_eq!(&warehouse[name], value, "{name} written at {path}");
            }
        }
        assert_eq!((&warehouse["user"]["pk"], &shown["action"]), (&json!(7), &json!("UPDATE")));
        assert_eq!(list(REMOTE), warehouse);
        assert_eq!(server.get(&server.admin, &format!("{WAREHOUSE}{uuid}/")).expect(200), warehouse);
        // The same event again, at any of them, is a duplicate.
        for other in [OMS, WAREHOUSE, REMOTE, EVENTS] {
            assert_eq!(server.post(&server.admin, other, event.to_string()).status, 200, "{path} then {other}");
        }
        let changed = event.to_string().replace("192.0.2.1", "192.0.2.2");
        for other in [OMS, WAREHOUSE, REMOTE, EVENTS] {
            assert_eq!(server.post(&server.admin, other, changed.as_str()).status, 409, "{path} then {other}");
        }
    }
    assert_eq!(server.get(&server.admin, OMS).expect(200)["count"], 4);
    server.stop();
}

#[test]
fn what_is_created_is_shown_as_the_api_lists_it() {
    let server = TestServer::start();
    let order =
        |text: &str| -> Vec<String> { crate::common::Json::parse(text).members().iter().map(|(name, _)| name.clone()).collect() };
    let made = server.post(&server.admin, OMS, r#"{"url":"/a"}"#);
    let keys = [
        "uuid",
        "timestamp",
        "remote_addr",
        "url",
        "query_params",
        "post_data",
        "headers",
        "object_id",
        "content",
        "user",
        "content_type",
    ];
    assert_eq!((made.status, order(&made.text())), (201, keys.map(str::to_owned).to_vec()));
    assert_eq!(server.get(&server.admin, OMS).expect(200)["results"][0], made.json());
    let made = server.post(&server.admin, REMOTE, r#"{"user":{"username":"zoë","pk":null,"shoe_size":43,"groups":[1]}}"#);
    let keys = [
        "content",
        "content_type",
        "headers",
        "object_id",
        "post_data",
        "query_params",
        "remote_addr",
        "timestamp",
        "url",
        "user",
        "uuid",
    ];
    assert_eq!((made.status, order(&made.text())), (201, keys.map(str::to_owned).to_vec()));
    let user = &made.json()["user"];
    assert_eq!(user.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>(), USER_KEYS);
    for (name, value) in user.as_object().unwrap() {
        let wanted = match name.as_str() {
            "username" => json!("zoë"),
            "groups" => json!([1]),
            _ => Value::Null,
        };
        assert_eq!(*value, wanted, "{name}");
    }
    assert_eq!(native(&server, &made.json()["uuid"])["user"]["shoe_size"], 43, "kept, though not shown there");
    let mut again = server.post(&server.admin, REMOTE, made.text());
    assert_eq!(again.status, 409, "28 keys are another snapshot than four");
    let whole = r#"{"uuid":"66666666-0000-4000-8000-00000000000a","url":"/x"}"#;
    assert_eq!(server.post(&server.admin, REMOTE, whole).status, 201);
    again = server.post(&server.admin, REMOTE, whole);
    assert_eq!((again.status, &again.json()["url"]), (200, &json!("/x")));
    server.stop();
}

#[test]
fn numbers_and_texts_are_coerced_as_by_drf() {
    let server = TestServer::start();
    for path in [OMS, WAREHOUSE] {
        for (sent, kept) in [
            ("5", 5),
            ("\"5\"", 5),
            ("\" 5 \"", 5),
            ("5.0", 5),
            ("\"5.0\"", 5),
            ("\"5.\"", 5),
            ("5e0", 5),
            ("50E-1", 5),
            ("1e2", 100),
            ("-0", 0),
            ("-0.0", 0),
            ("\"+5\"", 5),
            ("\"005\"", 5),
            ("\"\\u0035\"", 5),
            ("9223372036854775807", i64::MAX),
            ("\"-9223372036854775808\"", i64::MIN),
        ] {
            for member in ["content_type", "object_id", "user"] {
                let made = server.post(&server.admin, path, format!("{{\"{member}\":{sent}}}"));
                assert_eq!(made.status, 201, "{member} {sent}: {}", made.text());
                assert_eq!(native(&server, &made.json()["uuid"])[member], kept, "{member} {sent}");
            }
        }
        for member in ["url", "remote_addr", "description", "table_name", "action"] {
            for (sent, kept) in [("5", "5"), ("2.50", "2.50"), ("\"\"", ""), ("\" x \"", " x ")] {
                let made = server.post(&server.admin, path, format!("{{\"{member}\":{sent}}}")).expect(201);
                assert_eq!(native(&server, &made["uuid"])[member], kept, "{member} {sent}");
            }
        }
        let repeated = r#"{"content_type":"x","url":"a","content_type":3,"url":"b","channel_id":-1,"channel_id":1,"position":5,"position":null}"#;
        let made = server.post(&server.admin, path, repeated).expect(201);
        let event = native(&server, &made["uuid"]);
        assert_eq!((&event["content_type"], &event["url"]), (&json!(3), &json!("b")), "the last one counts");
        for (sent, kept) in [
            ("2023-10-16T09:00:00Z", "2023-10-16T09:00:00Z"),
            ("2023-10-16 09:00", "2023-10-16T09:00:00Z"),
            ("2023-10-16", "2023-10-16T00:00:00Z"),
            ("2023-10-16T12:00:00.9290949+0300", "2023-10-16T09:00:00.929094Z"),
            ("2023-10-16T12:00:00.9+03:00", "2023-10-16T09:00:00.900000Z"),
        ] {
            let made = server.post(&server.admin, path, json!({"timestamp": sent}).to_string()).expect(201);
            assert_eq!(made["timestamp"], kept);
        }
        let absent = server.post(&server.admin, path, r#"{"url":null}"#).expect(201);
        assert!(absent["uuid"].is_string() && absent["timestamp"].is_string());
    }
    server.stop();
}

/// Five events at seconds 0 to 4.
fn five(server: &TestServer) -> Vec<String> {
    let made = (0..5).map(|n| server.append(&format!(r#"{{"timestamp":"2023-10-16T09:00:0{n}Z"}}"#)));
    made.map(|receipt| receipt["uuid"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn end_date_is_read_from_a_get_body_and_kept_in_links() {
    let server = TestServer::start();
    let events = five(&server);
    let link = format!("http://audit.example.com{OMS}?end_date=2023-10-16T09%3A00%3A02Z&limit=2&page=2");
    let (json_type, form) = ("application/json", "application/x-www-form-urlencoded");
    for (media, body) in [
        (json_type, r#"{"end_date":"2023-10-16T09:00:02Z"}"#),
        ("application/json; charset=utf-8", r#" {"x":1,"end_date":"x","end_date":"2023-10-16T09:00:02Z"} "#),
        (form, "end_date=2023-10-16T09:00:02Z"),
        (form, "a=b&end_date=x&end_date=2023-10-16T09%3A00%3A02Z"),
    ] {
        let ask = Ask::get(&format!("{OMS}?limit=2")).header("Content-Type", media).body(body).key(&server.admin);
        for ask in [ask.clone(), ask.chunked()] {
            let page = server.ask(&ask).expect(200);
            assert_eq!((&page["count"], page["next"].as_str()), (&json!(3), Some(link.as_str())), "{body}");
            assert_eq!(uuids_of(&page), [events[2].clone(), events[1].clone()]);
            let next = server.get(&server.admin, link.strip_prefix("http://audit.example.com").unwrap()).expect(200);
            assert_eq!((uuids_of(&next), &next["count"]), (vec![events[0].clone()], &json!(3)));
            assert_eq!(next["previous"], link.replace("&page=2", ""));
        }
    }
    // The query goes before the body; the other API reads no body; other media types mean nothing to a GET.
    let body = r#"{"end_date":"2023-10-16T09:00:02Z"}"#;
    let count = |path: &str, media: &str| {
        let ask = Ask::get(path).header("Content-Type", media).body(body).key(&server.admin);
        server.ask(&ask).expect(200)["count"].as_i64().unwrap()
    };
    assert_eq!(count(&format!("{OMS}?end_date=2023-10-16T09:00:00Z"), json_type), 1);
    assert_eq!(count(&format!("{OMS}?start_date=2023-10-16T09:00:01Z"), json_type), 2);
    assert_eq!(count(WAREHOUSE, json_type), 5);
    assert_eq!(count(OMS, "text/plain"), 5);
    server.stop();
}

#[test]
fn only_the_first_api_has_inclusive_start_and_end_dates() {
    let server = TestServer::start();
    five(&server);
    let count =
        |path: &str, query: &str| server.get(&server.admin, &format!("{path}?{query}")).expect(200)["count"].as_i64().unwrap();
    assert_eq!(count(OMS, "start_date=2023-10-16T09:00:01Z&end_date=2023-10-16T09:00:03Z"), 3);
    assert_eq!(count(OMS, "start_date=2023-10-16T09:00:01.000001Z"), 3);
    assert_eq!(count(OMS, "start_date=2023-10-16T12:00:03%2B03:00&timestamp__lt=2023-10-16T09:00:04Z"), 1);
    assert_eq!(count(OMS, "end_date=2023-10-16"), 0);
    assert_eq!(count(WAREHOUSE, "start_date=x&end_date=2023-10-16"), 5, "unknown parameters are ignored there");
    server.stop();
}

#[test]
fn links_keep_every_parameter_sorted_and_encoded_anew() {
    let server = TestServer::start();
    five(&server);
    let query = "z=1&limit=2&b=%20+%2B&b=&a=%c3%bc&page=2&%5B%5D=x";
    let page = server.get(&server.admin, &format!("{REMOTE}?{query}")).expect(200);
    let kept = |page: &str| format!("http://audit.example.com{REMOTE}?%5B%5D=x&a=%C3%BC&b=++%2B&b=&limit=2{page}&z=1");
    assert_eq!((page["next"].as_str(), page["previous"].as_str()), (Some(kept("&page=3").as_str()), Some(kept("").as_str())));
    let last = server.get(&server.admin, &format!("{REMOTE}?limit=2&page=last")).expect(200);
    assert_eq!(
        (&last["next"], last["previous"].as_str().map(|link| link.ends_with("?limit=2&page=2"))),
        (&Value::Null, Some(true))
    );
    server.stop();
}
