//! The OMS action logs API: lists, details, and the one channel that a key reads there.

use audit_http::store::domain::{ChannelId, Role, Timestamp};
use serde_json::Value;

use super::model::{Line, NATIVE, OMS, escaped, serve};
use crate::common::{Ask, Json, TestServer, results_of};

fn ids(page: &Value) -> Vec<i64> {
    results_of(page).iter().map(|log| log["id"].as_i64().unwrap()).collect()
}

#[test]
fn filters_and_sorts_agree_with_a_scan_of_the_lines() {
    let server = serve();
    let stamp = Timestamp::from_micros(Line::all()[2001].micros).unwrap().to_string();
    let at = Line::all()[2001].micros;
    type Means = Box<dyn Fn(&Line) -> bool>;
    let cases: Vec<(String, Means)> = vec![
        (String::new(), Box::new(|_| true)),
        ("level=30".into(), Box::new(|line| line.level() == 30)),
        ("level=+30.0".replace('+', "%2B"), Box::new(|line| line.level() == 30)),
        ("level__gte=30".into(), Box::new(|line| line.level() >= 30)),
        ("level__gte=10.5".into(), Box::new(|line| line.level() > 10)),
        ("level__gte=-1e30".into(), Box::new(|_| true)),
        ("level__gte=1e30".into(), Box::new(|_| false)),
        ("level__lte=10".into(), Box::new(|line| line.level() <= 10)),
        ("level__lte=19.9&level__gte=0".into(), Box::new(|line| line.level() <= 19)),
        ("level=20.5".into(), Box::new(|_| false)),
        ("logger_name=+django.template+&level=".into(), Box::new(|line| line.str("logger_name") == "django.template")),
        ("app_name=requests&level__gte=20".into(), Box::new(|line| line.str("app_name") == "requests" && line.level() >= 20)),
        (format!("search={}", escaped("SELECT")), Box::new(|line| line.has("select"))),
        ("search=traceback&level=40".into(), Box::new(|line| line.has("traceback") && line.level() == 40)),
        (format!("created_at__gt={stamp}"), Box::new(move |line| line.micros > at)),
        (format!("created_at__gte={stamp}&created_at__lte={stamp}"), Box::new(move |line| line.micros == at)),
        (format!("created_at__lt={stamp}&search=a"), Box::new(move |line| line.micros < at && line.has("a"))),
    ];
    for (query, means) in &cases {
        let wanted: Vec<&Line> = Line::all().iter().filter(|line| line.channel == 1 && means(line)).collect();
        for (sort, key) in [
            ("", (|line| (-line.micros, 0, -line.position)) as fn(&Line) -> (i64, i64, i64)),
            ("sort=created_at", |line| (line.micros, 0, line.position)),
            ("sort=id", |line| (line.position, 0, 0)),
            ("sort=-id,level", |line| (-line.position, 0, 0)),
            ("sort=level,-created_at,nothing", |line| (line.level(), -line.micros, -line.position)),
            ("sort=-level", |line| (-line.level(), 0, -line.position)),
        ] {
            let mut sorted = wanted.clone();
            sorted.sort_by_key(|line| key(line));
            let ids_wanted: Vec<i64> = sorted.iter().map(|line| line.position + 1).collect();
            let target = format!("{OMS}?limit=1000&{query}&{sort}");
            let page = server.get(&server.admin, &target).expect(200);
            assert_eq!(page["count"], wanted.len(), "{target}");
            assert_eq!(ids(&page), ids_wanted[..ids_wanted.len().min(1000)], "{target}");
            let last = server.get(&server.admin, &format!("{target}&page=last")).expect(200);
            assert_eq!(ids(&last), ids_wanted.chunks(1000).last().unwrap_or(&[]), "{target}");
        }
    }
    server.stop();
}

#[test]
fn pages_have_the_published_keys_order_and_links() {
    let server = serve();
    let key = server.token(Role::Reader, "2");
    let answer = server.get(&key, &format!("{OMS}?limit=2&level__gte=10&page=2"));
    let shown = Json::parse(&answer.text());
    let names = |json: &Json| json.members().iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&shown), ["count", "next", "previous", "results"]);
    for log in shown.member("results").unwrap().list() {
        assert_eq!(names(log), ["id", "level", "logger_name", "message", "app_name", "trace", "created_at"]);
    }
    let page = answer.expect(200);
    assert_eq!(page["next"], format!("http://audit.example.com{OMS}?level__gte=10&limit=2&page=3"));
    assert_eq!(page["previous"], format!("http://audit.example.com{OMS}?level__gte=10&limit=2"));
    for log in results_of(&page) {
        let one = server.get(&key, &format!("{OMS}{}/", log["id"])).expect(200);
        assert_eq!(one, *log);
    }
    let ten = server.get(&key, OMS).expect(200);
    assert_eq!(results_of(&ten).len(), 10);
    server.stop();
}

/// Ids count per channel, so channels are never merged: the key's only one, else the default if it may, else the lowest.
#[test]
fn action_logs_of_other_channels_are_not_found() {
    let server = TestServer::with(|config| config.api.default_channel = ChannelId::new(5).unwrap());
    for channel in [1, 5, 7] {
        for n in 0..channel {
            let log = format!(r#"{{"channel_id":{channel},"level":{n},"message":"of {channel}"}}"#);
            assert_eq!(server.post(&server.admin, NATIVE, log).status, 201);
        }
    }
    for (grant, reads) in [("7", 7), ("1,5", 5), ("1,7", 1), ("7,1", 1), ("5,7,1", 5), ("*", 5), ("3,7", 0), ("3", 0), ("1", 1)] {
        let key = server.token(Role::Reader, grant);
        let page = server.get(&key, OMS).expect(200);
        assert_eq!(page["count"], reads, "{grant}");
        assert!(results_of(&page).iter().all(|log| log["message"] == format!("of {reads}")), "{grant}: {page}");
        // A channel cannot be asked for: an unknown parameter means nothing there.
        assert_eq!(server.get(&key, &format!("{OMS}?channel_id=7")).expect(200)["count"], reads);
        for id in 1..=8 {
            let answer = server.get(&key, &format!("{OMS}{id}/"));
            let wanted = if id <= reads { 200 } else { 404 };
            assert_eq!(answer.status, wanted, "{grant} {id}");
            if id <= reads {
                assert_eq!(answer.json()["message"], format!("of {reads}"));
            }
        }
    }
    server.stop();
}

#[test]
fn what_is_no_id_is_not_found() {
    let server = TestServer::start();
    assert_eq!(server.post(&server.admin, NATIVE, r#"{"level":0,"message":"m"}"#).status, 201);
    let not_found = r#"{"detail":"Not found."}"#;
    for id in [
        "0",
        "-0",
        "-1",
        "2",
        "x",
        "1.0",
        "1e0",
        "0x1",
        "%20",
        "%00",
        "%ff",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "99999999999999999999999999",
        "%EF%BC%91",
        "00000000-0000-4000-8000-000000000000",
    ] {
        let answer = server.get(&server.admin, &format!("{OMS}{id}/"));
        assert_eq!((answer.status, answer.text().as_str()), (404, not_found), "{id}");
    }
    for id in ["1", "01", "%2B1", "%201%20"] {
        assert_eq!(server.get(&server.admin, &format!("{OMS}{id}/")).status, 200, "{id}, as Python reads an integer");
    }
    server.stop();
}

#[test]
fn roles_methods_and_slashes_are_as_at_the_other_published_apis() {
    let server = TestServer::start();
    let (writer, reader) = (server.token(Role::Writer, "1"), server.token(Role::Reader, "1"));
    let log = r#"{"level":0,"message":"m"}"#;
    let forbidden = r#"{"detail":"You do not have permission to perform this action."}"#;
    assert_eq!(server.post(&reader, OMS, log).text(), forbidden);
    assert_eq!(server.post(&writer, OMS, log).status, 201);
    for path in [OMS.to_owned(), format!("{OMS}1/"), format!("{OMS}9/")] {
        assert_eq!(server.get(&writer, &path).text(), forbidden, "{path}");
        assert_eq!(server.ask(&Ask::get(&path)).status, 401, "{path}");
        for method in ["PUT", "PATCH", "DELETE"] {
            let answer = server.ask(&Ask::new(method, &path).key(&writer));
            assert_eq!((answer.status, answer.text()), (405, format!(r#"{{"detail":"Method \"{method}\" not allowed."}}"#)));
        }
        let redirect = server.ask(&Ask::get(&format!("{}?a=b", path.trim_end_matches('/'))).key(&reader));
        assert_eq!((redirect.status, redirect.header("Location")), (301, Some(format!("{path}?a=b").as_str())));
        assert_eq!(server.get(&reader, &format!("{path}?format=xml")).status, 404);
    }
    assert_eq!(server.post(&writer, &format!("{OMS}1/"), log).status, 405);
    assert_eq!(server.ask(&Ask::new("HEAD", OMS).key(&reader)).status, 200);
    let allowed = server.ask(&Ask::new("OPTIONS", OMS).key(&reader));
    assert_eq!((allowed.status, allowed.header("Allow")), (200, Some("GET, POST, HEAD, OPTIONS")));
    server.stop();
}
