//! Sort keys as SQL. What they have to mean is [`EventSort::compare`](audit_domain::EventSort::compare).

use audit_domain::{EventSort, SortField};

/// The `ORDER BY` of a sort, ties included. Null sorts last in both directions; as a key of its own, since the databases
/// disagree about where it goes by itself. Written out, because diesel's time for nested keys doubles with each of them.
pub(super) fn clause(sort: &EventSort, ties: &[&str]) -> String {
    let mut keys: Vec<String> = Vec::new();
    for key in sort.keys() {
        let columns: &[(&str, bool)] = match key.field {
            SortField::Timestamp => &[("timestamp", false)],
            SortField::Uuid => &[("uuid", false)],
            SortField::Position => &[("position", false)],
            SortField::ContentType => &[("content_type", true)],
            SortField::ObjectId => &[("object_num", true), ("object_id", true)],
            SortField::User => &[("user_num", true), ("user_id", true)],
        };
        for (column, may_be_null) in columns {
            if *may_be_null {
                keys.push(format!("({column} IS NULL) ASC"));
            }
            keys.push(directed(column, key.descending));
        }
    }
    keys.extend(ties.iter().map(|column| directed(column, sort.ties_descend())));
    keys.join(", ")
}

fn directed(column: &str, descending: bool) -> String {
    format!("{column} {}", if descending { "DESC" } else { "ASC" })
}
