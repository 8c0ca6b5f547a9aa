//! Texts that are made to cost much: deep, long, odd and full of names.

use audit_domain::limits::{EVENT_BYTES_MAX, NESTING_MAX};
use audit_domain::{JsonText, MaskingPolicy, NewActionLog, NewEvent, ParseMode};

use super::masked;

#[test]
fn deep_nesting_is_walked_without_recursion() {
    let deep = format!("{}{{\"password\":\"x\"}}{}", "[".repeat(NESTING_MAX - 1), "]".repeat(NESTING_MAX - 1));
    let (text, slot) = masked(&deep);
    assert!(text.contains("\"[masked]\""));
    assert!(slot.unwrap().contains(&format!("/post_data{}/password", "/0".repeat(NESTING_MAX - 1))));
    // A string has no limit of its own, and its text is not read as JSON beyond the limit.
    let inside = JsonText::string(&format!("{}{{\"password\":\"x\"}}{}", "[".repeat(100_000), "]".repeat(100_000)));
    assert!(masked(inside.as_str()).0.contains("[masked]"));
}

/// A path of half a MiB and a hundred thousand secrets at its end would make 50 GiB of pointers.
#[test]
fn the_list_of_pointers_is_bounded() {
    let (path, values) = ("k".repeat(EVENT_BYTES_MAX / 2), vec!["\"x\""; 100_000].join(","));
    let (text, slot) = masked(&format!("{{\"{path}\":{{\"password\":[{values}]}}}}"));
    assert_eq!(text, "\"[masked]\"");
    assert_eq!(slot.as_deref(), Some(r#"{"policy":"standard/1","pointers":["/post_data"]}"#));
    let (text, _) = masked(&format!("{{\"password\":[{values}]}}"));
    assert_eq!(text, "\"[masked]\"");
    let mut event = NewEvent::new().extra(JsonText::parse(&format!("{{\"password\":[{values}]}}")).unwrap()).unwrap();
    let slot = event.mask(&MaskingPolicy::standard()).unwrap();
    assert_eq!(event.extra.unwrap().as_str(), r#"{"[masked]":"[masked]"}"#);
    assert_eq!(slot.as_str(), r#"{"policy":"standard/1","pointers":["/extra/[masked]"]}"#);
}

#[test]
fn a_masked_member_grows_by_a_bounded_length() {
    let text = JsonText::string(&"otp=1&".repeat(100_000));
    assert!(masked(text.as_str()).0.len() < text.as_str().len() + 260 * 1024);
}

/// Each of these took the square of its length in some version of the search, which is minutes here.
#[test]
fn texts_of_a_mib_that_repeat_a_part_are_masked() {
    for part in [
        "password",
        "token:",
        "token: ",
        "cookie: ",
        "cookie:cookie",
        "authorization: a ",
        "password=(",
        "tokens:",
        "eyJ",
        "eyJa.",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "://a:",
        "@",
        "://a:b@",
        "4111 ",
        "41111111111111111 ",
        "\\u0070",
        "%70",
        "\"",
        "\\\"",
        "<password>",
        "name=\"password\"",
        "password=\"",
        "password=,",
        "{\"",
        "[",
        "basic a",
        "{\"password\":",
        "api key ",
        "password=a(",
        "password=[",
        "password=[\"a\",",
        "password=[a,",
        "has_password=[",
        "cookie=a; ",
        "cookie=a;cookie",
        "authorization=bearer ",
        "authorization: digest a=\"",
        "passphrase: a ",
        "no passphrase: a ",
        "iban=D9 ",
        "password:\n  ",
        "password:\n x",
        "<password></",
        "<password><![CDATA[",
        "form-data; name=password\n\n",
        " key=\"password\" value=\"",
        "password[a",
        "password={",
        "has_password=\"",
        "{\"name\":\"otp\",\"value\":[",
    ] {
        let text = JsonText::string(&part.repeat(EVENT_BYTES_MAX / part.len()));
        let (text, _) = masked(text.as_str());
        assert!(JsonText::parse(&text).is_ok(), "{part}");
    }
}

/// Pairs in pairs, and long lists in them, are read once.
#[test]
fn pairs_of_a_mib_are_masked() {
    let numbers = format!("{{\"value\":[{}1],\"name\":\"NAME\"}}", "1,".repeat(EVENT_BYTES_MAX / 2 - 20));
    let depth = NESTING_MAX / 2 - 1;
    let nested = format!("{}1{}", "[\"otp\",[".repeat(depth), "]]".repeat(depth));
    let many = format!("[{}0]", format!("{nested},").repeat(EVENT_BYTES_MAX / nested.len() - 1));
    for text in [numbers.replace("NAME", "otp"), numbers.replace("NAME", "n"), many] {
        assert!(JsonText::parse(&text).is_ok() && JsonText::parse(&masked(&text).0).is_ok());
    }
}

#[test]
fn odd_strings_do_not_panic() {
    for odd in [
        r#""password=\ud800""#,
        r#""\ud800password=x""#,
        r#""token=\"""#,
        r#""password=""#,
        r#""password:""#,
        r#""@""#,
        r#""%""#,
        r#""%7""#,
        r#""--password ""#,
        r#""<password""#,
        r#""-----BEGIN ""#,
        r#""Bearer ""#,
        r#""password=\\""#,
        r#""password[""#,
        r#""password=[""#,
        r#""password=[\"""#,
        r#""password=(""#,
        r#""password={""#,
        r#""password:\n""#,
        r#""authorization=basic ""#,
        r#""authorization: digest a=\"""#,
        r#""<password><![CDATA[""#,
        r#""<password></""#,
        r#""form-data; name=password\n\n""#,
        r#""iban=1 ""#,
        r#"[["otp",[]]]"#,
        r#"{"name":"otp","value":[1,""]}"#,
        r#""é@é""#,
        r#"{"\ud800":{"password":"x"}}"#,
        r#"{"":{"":{"password":"x"}}}"#,
        "4111111111111111",
        "-4111111111111111",
        "\"\"",
        "{}",
        "[]",
    ] {
        let (text, _) = masked(odd);
        assert!(JsonText::parse(&text).is_ok(), "{odd}: {text}");
    }
    assert_eq!(masked("4111111111111111").0, "\"[masked]\"");
    assert_eq!(masked(r#""password=\ud800""#).0, r#""password=[masked]""#);
}

/// Whatever an append accepts can be exported and imported: masking keeps the largest record within
/// what an import takes.
#[test]
fn the_largest_masked_records_can_be_imported() {
    let policy = MaskingPolicy::standard();
    for part in ["otp=1&", "token=ab1&password=x&", "x", "https://a:b@c "] {
        let (each, members) = (EVENT_BYTES_MAX / 4 - 100, ["url", "description", "post_data", "headers"]);
        let texts = members.map(|name| format!("\"{name}\":\"{}\"", part.repeat(each / part.len())));
        let mut event = NewEvent::parse(&format!("{{{}}}", texts.join(",")), ParseMode::NATIVE).unwrap();
        event.masked = event.mask(&policy);
        imported(event);
    }
    // Secrets that take 45 kB more, beside a text that fills the rest of the record.
    for secrets in ["otp=1&".repeat(5_000), format!("https://{}h", "a:b@".repeat(5_000))] {
        let text = "y".repeat(EVENT_BYTES_MAX - secrets.len() - 100);
        let text = format!("{{\"url\":\"{secrets}\",\"description\":\"{text}\"}}");
        let mut event = NewEvent::parse(&text, ParseMode::NATIVE).unwrap();
        event.masked = event.mask(&policy);
        imported(event);
    }
    let members: Vec<String> = (0..9_000).map(|at| format!("\"{at}{}_otp\":\"{}\"", "k".repeat(40), "1".repeat(50))).collect();
    let mut event = NewEvent::parse(&format!("{{\"extra\":{{{}}}}}", members.join(",")), ParseMode::NATIVE).unwrap();
    event.masked = event.mask(&policy);
    assert!(event.masked.as_ref().unwrap().as_str().len() < 100, "the list of pointers would not fit");
    imported(event);
    let mut log = NewActionLog::new(20, &"otp=1 ".repeat(EVENT_BYTES_MAX / 6 - 20)).unwrap();
    log.masked = log.mask(&policy);
    let exported = exported_log(&log);
    assert!(NewActionLog::parse(&exported, ParseMode::IMPORT).is_ok(), "{} bytes", exported.len());
}

/// Asserts that an import accepts an event, with as many bytes as an export adds around its members.
fn imported(event: NewEvent) {
    let masked = event.masked.as_ref().map_or("null", |masked| masked.as_str());
    let texts = [("url", &event.url), ("description", &event.description), ("post_data", &event.post_data)];
    let others = [("headers", &event.headers), ("extra", &event.extra)];
    let members = texts.into_iter().chain(others).filter_map(|(name, text)| Some(format!("\"{name}\":{}", text.as_ref()?)));
    let exported = format!("{{{},\"masked\":{masked}{}}}", members.collect::<Vec<_>>().join(","), " ".repeat(1_500));
    assert!(NewEvent::parse(&exported, ParseMode::IMPORT).is_ok(), "{} bytes", exported.len());
}

fn exported_log(log: &NewActionLog) -> String {
    let masked = log.masked.as_ref().map_or("null", |masked| masked.as_str());
    format!("{{\"level\":20,\"message\":{},\"masked\":{masked}{}}}", log.message, " ".repeat(1_500))
}

#[test]
fn a_secret_in_the_largest_record_is_masked_by_itself() {
    let text = format!("{{\"a\":\"{}\",\"password\":\"x\"}}", "y".repeat(EVENT_BYTES_MAX - 100));
    let (text, slot) = masked(&text);
    assert!(text.ends_with(r#"y","password":"[masked]"}"#));
    assert_eq!(slot.as_deref(), Some(r#"{"policy":"standard/1","pointers":["/post_data/password"]}"#));
}
