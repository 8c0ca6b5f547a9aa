//! The registry of object types: put all or none, seen at once here and soon elsewhere, and no reason for a conflict.

use audit_store::domain::{ChannelId, ContentType, NewEvent, ParseMode};
use audit_store::{ContentTypesPut, Receipt, Store};

use crate::common::Scratch;

fn types(named: &[(i64, &str)]) -> Vec<ContentType> {
    named.iter().map(|(id, model)| ContentType::new(*id, "orders", model).unwrap()).collect()
}

fn put(store: &Store, named: &[(i64, &str)]) -> ContentTypesPut {
    store.put_content_types(types(named)).unwrap().unwrap()
}

fn names(store: &Store) -> Vec<(i64, String)> {
    store.content_types().unwrap().into_iter().map(|kept| (kept.id, kept.model)).collect()
}

/// Appends through the registry, as everything that appends does.
fn append(store: &Store, json: &str) -> Receipt {
    store.channels(ChannelId::DEFAULT).events().append(NewEvent::parse(json, ParseMode::LENIENT).unwrap()).unwrap()
}

#[test]
fn types_are_put_all_or_none_and_may_swap_their_names() {
    let scratch = Scratch::new();
    let store = &scratch.store;
    assert_eq!(put(store, &[(1, "order"), (2, "line")]), ContentTypesPut { new: 2, changed: 0, unchanged: 0 });
    assert_eq!(put(store, &[(3, "bill"), (2, "order"), (1, "line")]), ContentTypesPut { new: 1, changed: 2, unchanged: 0 });
    let taken = store.put_content_types(types(&[(4, "note"), (5, "bill")])).unwrap().unwrap_err();
    assert_eq!((taken.name.as_str(), taken.other), ("orders.bill", 3));
    assert_eq!(put(store, &[(3, "bill")]), ContentTypesPut { new: 0, changed: 0, unchanged: 1 });
    let expected = [(1, "line"), (2, "order"), (3, "bill")].map(|(id, model)| (id, model.to_owned()));
    assert_eq!(names(store), expected);
    assert_eq!(names(&scratch.open_again()), expected);
}

#[test]
fn of_several_types_with_one_number_the_last_one_counts() {
    let scratch = Scratch::new();
    let several = [(1, "order"), (1, "line"), (2, "order"), (2, "order")];
    assert_eq!(put(&scratch.store, &several), ContentTypesPut { new: 2, changed: 0, unchanged: 0 });
    assert_eq!(names(&scratch.store), [(1, "line".to_owned()), (2, "order".to_owned())]);
    let both = scratch.store.put_content_types(types(&[(3, "same"), (4, "same")])).unwrap().unwrap_err();
    assert_eq!(both.other, 3);
    assert_eq!(names(&scratch.store).len(), 2);
}

/// A statement takes 32,766 values at most.
#[test]
fn more_types_than_values_of_a_statement_are_put_and_renamed() {
    let scratch = Scratch::new();
    let many = |prefix: &str| -> Vec<ContentType> {
        (0..40_000).map(|id| ContentType::new(id, "orders", &format!("{prefix}{id}")).unwrap()).collect()
    };
    let put = |types| scratch.store.put_content_types(types).unwrap().unwrap();
    assert_eq!(put(many("a")), ContentTypesPut { new: 40_000, changed: 0, unchanged: 0 });
    assert_eq!(put(many("b")), ContentTypesPut { new: 0, changed: 40_000, unchanged: 0 });
    assert!(scratch.store.content_types().unwrap() == many("b"));
}

#[test]
fn a_name_fills_appends_here_at_once_and_elsewhere_soon() {
    let scratch = Scratch::new();
    let other = scratch.open_again();
    let filled = |store: &Store, json: &str| scratch.get(&append(store, json)).subject().table_name.map(|name| name.to_string());
    // Both have read the empty registry by now.
    assert_eq!((filled(&scratch.store, r#"{"content_type":7}"#), filled(&other, r#"{"content_type":7}"#)), (None, None));
    for model in ["order", "purchase"] {
        put(&scratch.store, &[(7, model)]);
        let wanted = Some(format!("\"orders.{model}\""));
        assert_eq!(filled(&scratch.store, r#"{"content_type":7}"#), wanted);
        // Nothing but the clock tells the other one.
        let seen = (0..400).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(50));
            filled(&other, r#"{"content_type":7}"#) == wanted
        });
        assert!(seen, "orders.{model} never comes to the other process");
    }
}

#[test]
fn a_retry_is_one_whatever_the_registry_said_meanwhile() {
    let uuid = |number: u32| format!(r#""uuid":"00000000-0000-4000-8000-{number:012}""#);
    let (by_number, by_name) = (r#""content_type":7"#, r#""table_name":"orders.order""#);
    let both = format!("{by_number},{by_name}");
    // What the registry says at the first time and at the second.
    let said: [(Option<&str>, Option<&str>); 3] =
        [(None, Some("order")), (Some("order"), Some("purchase")), (Some("purchase"), Some("order"))];
    for (before, after) in said {
        let scratch = Scratch::new();
        let register = |model: Option<&str>| model.map(|model| put(&scratch.store, &[(7, model)]));
        register(before);
        let bodies: Vec<String> =
            (1..).zip([by_number, by_name, &both]).map(|(number, type_)| format!("{{{},{type_}}}", uuid(number))).collect();
        let first: Vec<Receipt> = bodies.iter().map(|body| append(&scratch.store, body)).collect();
        register(after);
        for (body, first) in bodies.iter().zip(first) {
            assert_eq!(append(&scratch.store, body), Receipt { duplicate: true, ..first }, "{body} {before:?} {after:?}");
        }
    }
}

#[test]
fn what_a_retry_says_itself_is_compared_with_what_is_in_the_log() {
    let scratch = Scratch::new();
    put(&scratch.store, &[(7, "order")]);
    let uuid = r#""uuid":"00000000-0000-4000-8000-000000000001""#;
    let first = append(&scratch.store, &format!(r#"{{{uuid},"content_type":7}}"#));
    // The other side of the type is in the log, so a retry may say it; another one is a conflict.
    assert_eq!(append(&scratch.store, &format!(r#"{{{uuid},"table_name":"orders.order"}}"#)), Receipt { duplicate: true, ..first });
    let other = format!(r#"{{{uuid},"content_type":7,"table_name":"orders.line"}}"#);
    let other = NewEvent::parse(&other, ParseMode::LENIENT).unwrap();
    scratch.store.channels(ChannelId::DEFAULT).events().append(other).unwrap_err();
}
