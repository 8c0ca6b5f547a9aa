//! What happens in the shop: orders are placed, paid and shipped, stock and prices change, people log in and look at customers.

use std::collections::VecDeque;

use audit_http::store::domain::{InputError, ParseMode, Timestamp};

use super::dice::Dice;
use crate::new_entry::{Kind, NewEntry};

/// The people of the shop: id, name, and the address from which they work.
const PEOPLE: [(u32, &str, &str); 12] = [
    (1, "zoe.martin", "10.0.4.17"),
    (2, "amir.haddad", "10.0.4.18"),
    (3, "ines.duarte", "10.0.4.19"),
    (4, "warehouse-bot", "10.0.9.2"),
    (5, "payments", "10.0.9.3"),
    (6, "li.wei", "10.0.4.24"),
    (7, "noor.aziz", "10.0.5.11"),
    (8, "oskar.lind", "10.0.5.12"),
    (9, "support-1", "192.0.2.40"),
    (10, "support-2", "192.0.2.41"),
    (11, "auditor", "198.51.100.7"),
    (12, "admin", "10.0.4.2"),
];

const PRODUCTS: [(&str, u32); 16] = [
    ("Desk lamp", 3_900),
    ("Oak desk", 42_000),
    ("Office chair", 23_900),
    ("Monitor arm", 8_900),
    ("Keyboard", 7_900),
    ("Mouse", 4_900),
    ("Headset", 9_900),
    ("Webcam", 6_900),
    ("Notebook A5", 590),
    ("Fountain pen", 2_490),
    ("Whiteboard", 12_900),
    ("Shelf", 9_490),
    ("Plant pot", 1_990),
    ("Floor mat", 3_490),
    ("Power strip", 2_290),
    ("Cable box", 1_490),
];

/// The states of an order.
const STATUS: [&str; 4] = ["placed", "paid", "shipped", "delivered"];

/// The length of the story, in microseconds: 30 days.
const SPAN_MICROS: i64 = 30 * 24 * 3_600_000_000;

/// The events of the shop, oldest first.
pub(crate) struct Shop {
    dice: Dice,
    events: u64,
    made: u64,
    start: i64,
    orders: u64,
    /// Orders that are not delivered yet, with their status.
    open: VecDeque<(u64, usize)>,
    prices: Vec<u32>,
    stock: Vec<i64>,
}

impl Shop {
    /// Makes a story of this many events that ends now.
    pub(crate) fn new(events: u64, now: Timestamp) -> Shop {
        Shop {
            dice: Dice::new(events),
            events,
            made: 0,
            start: now.micros() - SPAN_MICROS,
            orders: 1000,
            open: VecDeque::new(),
            prices: PRODUCTS.iter().map(|(_, price)| *price).collect(),
            stock: vec![100; PRODUCTS.len()],
        }
    }

    fn event(&mut self) -> String {
        let (subject, content) = match self.dice.below(20) {
            0..6 => self.place_order(),
            6..12 => self.move_order(),
            12..15 => self.move_stock(),
            15 => self.change_price(),
            16 => ("\"action\":\"LOGIN\",\"url\":\"/login/\"".to_owned(), None),
            _ => self.look_at_customer(),
        };
        let (id, name, address) = *self.dice.one_of(&PEOPLE);
        let user = format!(r#"{{"pk":{id},"username":"{name}","email":"{name}@shop.example"}}"#);
        let content = content.map_or_else(String::new, |content| format!(",\"content\":{content}"));
        let at = self.at();
        format!(r#"{{"timestamp":"{at}",{subject},"user":{user},"remote_addr":"{address}"{content}}}"#)
    }

    /// The time of the current event. The events are spread evenly over the story, as far as whole
    /// microseconds allow.
    fn at(&self) -> String {
        let micros = self.start + (i128::from(SPAN_MICROS) * i128::from(self.made) / i128::from(self.events.max(1))) as i64;
        Timestamp::from_micros(micros).map_or_else(String::new, |at| at.to_string())
    }

    fn place_order(&mut self) -> (String, Option<String>) {
        self.orders += 1;
        self.open.push_back((self.orders, 0));
        let product = self.product();
        let (name, _) = PRODUCTS[product];
        let (price, quantity) = (self.prices[product], 1 + self.dice.below(3));
        let order = format!(r#"{{"status":"placed","product":"{name}","quantity":{quantity},"unit_price":{}}}"#, euros(price));
        (subject("orders.order", 12, self.orders, "/api/orders/"), Some(format!(r#"{{"old_data":null,"new_data":{order}}}"#)))
    }

    fn move_order(&mut self) -> (String, Option<String>) {
        let Some((order, status)) = self.open.pop_front() else { return self.place_order() };
        let next = status + 1;
        if next + 1 < STATUS.len() {
            self.open.push_back((order, next));
        }
        let change = format!(r#"{{"old_data":{{"status":"{}"}},"new_data":{{"status":"{}"}}}}"#, STATUS[status], STATUS[next]);
        (subject("orders.order", 12, order, &format!("/api/orders/{order}/")), Some(change))
    }

    fn move_stock(&mut self) -> (String, Option<String>) {
        let product = self.product();
        let before = self.stock[product];
        let after = if before < 20 { before + 80 } else { before - 1 - self.dice.below(4) as i64 };
        self.stock[product] = after;
        let change = format!(r#"{{"old_data":{{"quantity":{before}}},"new_data":{{"quantity":{after}}}}}"#);
        (subject("inventory.stock", 7, product as u64 + 1, "/api/stock/"), Some(change))
    }

    fn change_price(&mut self) -> (String, Option<String>) {
        let product = self.product();
        let before = self.prices[product];
        let after = before * (90 + self.dice.below(25) as u32) / 100;
        self.prices[product] = after.max(100);
        let (old, new) = (euros(before), euros(after.max(100)));
        let change = format!(r#"{{"old_data":{{"price":{old}}},"new_data":{{"price":{new}}}}}"#);
        (subject("catalogue.product", 5, product as u64 + 1, &format!("/admin/products/{}/", product + 1)), Some(change))
    }

    fn look_at_customer(&mut self) -> (String, Option<String>) {
        let customer = 1 + self.dice.below(400);
        let subject = subject("accounts.customer", 3, customer, &format!("/admin/customers/{customer}/"));
        (format!("\"action\":\"READ\",{subject}"), None)
    }

    fn product(&mut self) -> usize {
        self.dice.below(PRODUCTS.len() as u64) as usize
    }

    fn action_log(&mut self) -> String {
        let (level, logger, message, trace) = match self.dice.below(12) {
            0 => (40, "shop.payments", "payment provider timed out after 30 s", "\"TimeoutError: read timed out\""),
            1 => (30, "shop.stock", "stock of a product is below its minimum", "null"),
            2..5 => (10, "shop.cache", "cache miss", "null"),
            _ => (20, "shop.orders", "order was saved", "null"),
        };
        let at = self.at();
        format!(
            r#"{{"created_at":"{at}","level":{level},"logger_name":"{logger}","app_name":"shop","message":"{message}","trace":{trace}}}"#
        )
    }
}

/// An event and, with every tenth, a line of the shop's own log.
impl Iterator for Shop {
    type Item = Result<Vec<NewEntry>, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.made == self.events {
            return None;
        }
        let event = NewEntry::parse(Kind::Events, &self.event(), ParseMode::IMPORT);
        let log = self.made.is_multiple_of(10).then(|| NewEntry::parse(Kind::ActionLogs, &self.action_log(), ParseMode::IMPORT));
        self.made += 1;
        Some([event].into_iter().chain(log).collect())
    }
}

fn subject(table_name: &str, content_type: u32, object_id: u64, url: &str) -> String {
    format!(r#""table_name":"{table_name}","content_type":{content_type},"object_id":{object_id},"url":"{url}""#)
}

fn euros(cents: u32) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

#[cfg(test)]
mod tests {
    use audit_http::store::domain::ChannelId;

    use super::*;

    #[test]
    fn stories_are_ordered_and_reproducible() {
        let now = Timestamp::parse("2026-11-24T12:00:00Z").unwrap();
        let prepared = |record| match record {
            NewEntry::Event(event) => event.prepare(ChannelId::DEFAULT).unwrap(),
            NewEntry::ActionLog(log) => log.prepare(ChannelId::DEFAULT).unwrap(),
        };
        let tell = || Shop::new(500, now).flat_map(Result::unwrap).map(prepared).collect::<Vec<_>>();
        let (one, two) = (tell(), tell());
        assert_eq!(one.len(), 550);
        assert!(one.iter().zip(&two).all(|(a, b)| a.stream() == b.stream() && a.is_retry_of_prepared(b)));
        assert!(one.is_sorted_by_key(|entry| entry.timestamp()) && one.iter().all(|entry| entry.timestamp() < now));
        assert_eq!(one[0].timestamp(), Timestamp::parse("2026-10-25T12:00:00Z").unwrap());
    }
}
