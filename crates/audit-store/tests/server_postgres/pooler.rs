//! pgbouncer in transaction mode: every transaction may get another server process.

use audit_store::domain::{ChannelId, NewToken, Role};
use audit_store::{Store, StoreConfig};

use crate::common::{Events, Kind, append, checked_logs, event, only, uuid};
use crate::postgres_server::{Bouncer, Server};

#[test]
fn a_transaction_pooler_gets_no_prepared_statement_or_setting() {
    let server = Server::start();
    server.create("audit");
    let bouncer = Bouncer::start(&server);
    let config = StoreConfig::new(bouncer.url("audit")).transaction_pooler(true);
    let stores = [Store::open(&config).unwrap(), Store::open(&config).unwrap()];
    std::thread::scope(|scope| {
        for thread in 0..8u128 {
            let store = &stores[thread as usize % 2];
            scope.spawn(move || {
                for number in 0..25 {
                    let uuid = uuid(1 + number * 4 + thread % 4);
                    let one = event(&format!(r#"{{"uuid":"{uuid}","channel_id":{},"object_id":7}}"#, number % 3));
                    append(store, vec![one]);
                    let channel = ChannelId::new((number % 3) as i64).unwrap();
                    assert!(Events::get(store, &only(channel.get()), channel, uuid).is_some());
                }
            });
        }
    });
    assert_eq!(checked_logs(&stores[0]).len(), 100, "two stores sent each event twice");
    let token = NewToken { name: "t".to_owned(), role: Role::Reader, channels: only(1), expires_at: None };
    let (_, key) = stores[0].create_token(token).unwrap();
    assert!(stores[1].find_token(&key).unwrap().is_some());
    let mut client = server.client("audit");
    let read_only = client.query("SHOW default_transaction_read_only", &[]).unwrap();
    assert_eq!(read_only[0].get::<_, String>(0), "off");
    // What a session of the pooler's has kept would be kept for the next client of it.
    let through = |sql: &str| {
        let mut client = postgres::Client::connect(&bouncer.url("audit"), postgres::NoTls).unwrap();
        let rows = client.simple_query(sql).unwrap();
        let row =
            rows.iter().find_map(|message| if let postgres::SimpleQueryMessage::Row(row) = message { Some(row) } else { None });
        row.unwrap().get(0).unwrap().to_owned()
    };
    for _ in 0..4 {
        assert_eq!(through("SHOW default_transaction_read_only"), "off");
        assert_eq!(through("SHOW statement_timeout"), "0");
        assert_eq!(through("SHOW lock_timeout"), "0");
        assert_eq!(through("SELECT COUNT(*) FROM pg_prepared_statements"), "0");
    }
}
