//! What a client sends arrives, all of it, once, in order: each rule for each client.

use std::path::Path;

use tempfile::TempDir;

use crate::app::{App, Kind};
use crate::common::eventually;
use crate::common::http::Client;
use crate::common::server::{KEY, Server};
use crate::front::{Behind, Front};

/// A server's directory, a spool, and the address in front.
struct ClientSetup {
    kind: Kind,
    directory: TempDir,
    spool: TempDir,
    front: Front,
}

impl ClientSetup {
    fn new(kind: Kind) -> ClientSetup {
        let (directory, spool) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        ClientSetup { kind, directory, spool, front: Front::open(Behind::Nobody) }
    }

    fn server(&self) -> Server {
        let server = Server::start(self.directory.path());
        self.front.show(Behind::Server(server.address));
        server
    }

    fn app(&self) -> App {
        App::start(self.kind, &self.front.url(), self.spool.path())
    }

    /// The log has these records and no others, in the order they were made.
    #[track_caller]
    fn assert_log(&self, server: &Server, sent: &[String]) {
        let labels = self.labels(server);
        assert_eq!(labels.len(), sent.len(), "records are lost or doubled");
        assert_eq!(labels, sent, "the order has changed");
    }

    /// The label of each record in the log, in the order of positions.
    fn labels(&self, server: &Server) -> Vec<String> {
        let mut client = Client::connect(server.address, KEY).unwrap();
        let (path, member) = self.kind.list();
        let (mut labels, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = client.get(&format!("{path}?sort=position&limit=1000{cursor}")).unwrap();
            assert_eq!(page.status, 200, "{page:?}");
            let page = page.json();
            labels.extend(page["results"].as_array().unwrap().iter().map(|record| record[member].as_str().unwrap().to_owned()));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return labels,
            }
        }
    }

    /// Lines that wait in the spool.
    fn waiting(&self) -> usize {
        read(self.spool.path(), ".ndjson").lines().count()
    }

    fn rejected(&self) -> String {
        read(self.spool.path(), &format!("{}.rejected", self.kind.files()))
    }
}

/// A failure's output ends with the client it happened to.
fn for_each_client(rule: impl Fn(&ClientSetup)) {
    for kind in Kind::ALL {
        println!("{kind:?}");
        rule(&ClientSetup::new(kind));
    }
}

fn read(directory: &Path, suffix: &str) -> String {
    let paths = directory.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let paths = paths.filter(|path| path.to_str().unwrap().ends_with(suffix));
    // Between the listing and the reading a file may have been sent.
    paths.map(|path| std::fs::read_to_string(path).unwrap_or_default()).collect()
}

#[test]
fn what_is_sent_is_in_the_log_once() {
    for_each_client(|place| {
        let server = place.server();
        let mut app = place.app();
        app.send(1);
        app.send(700);
        let sent = app.close();
        place.assert_log(&server, &sent);
        assert_eq!(place.waiting(), 0);
        server.stop();
    });
}

#[test]
fn what_a_server_that_is_away_misses_it_gets_at_the_next_start() {
    for_each_client(|place| {
        let mut app = place.app();
        app.send(250);
        let mut sent = app.close();
        assert!(place.front.connections() > 0, "nobody tried to send");
        assert_eq!(place.waiting(), 250);

        let server = place.server();
        let mut app = place.app();
        app.flush();
        app.send(50);
        sent.extend(app.close());
        place.assert_log(&server, &sent);
        assert_eq!(place.waiting(), 0);
    });
}

#[test]
fn an_application_that_is_killed_loses_nothing_that_was_spooled() {
    for_each_client(|place| {
        let mut app = place.app();
        app.send(120);
        app.spool();
        let mut sent = app.kill();

        // Killed again while it sends: part of the file is with the server, and the client cannot know which.
        let server = place.server();
        let app = place.app();
        eventually(|| (!place.labels(&server).is_empty()).then_some(())).unwrap();
        app.kill();

        let mut app = place.app();
        app.flush();
        app.send(3);
        sent.extend(app.close());
        place.assert_log(&server, &sent);
    });
}

#[test]
fn a_killed_python_application_loses_nothing_it_has_logged() {
    for kind in [Kind::PythonLog, Kind::PythonEvents] {
        println!("{kind:?}");
        let place = ClientSetup::new(kind);
        let mut app = place.app();
        app.send(500);
        // The calls have returned, and no more: nothing was waited for.
        let sent = app.kill();
        assert_eq!(place.waiting(), 500);
        let server = place.server();
        let app = place.app();
        eventually(|| (place.waiting() == 0).then_some(())).unwrap();
        app.close();
        place.assert_log(&server, &sent);
    }
}

#[test]
fn a_server_that_is_killed_under_load_gets_everything_once() {
    for_each_client(|place| {
        let mut server = place.server();
        let mut app = place.app();
        for _ in 0..12 {
            app.send(150);
            let before = place.labels(&server).len();
            app.send(150);
            // Killed while records arrive, not before.
            eventually(|| (place.labels(&server).len() > before).then_some(())).unwrap();
            server.kill();
            place.front.show(Behind::Nobody);
            app.send(20);
            server = place.server();
        }
        app.flush();
        let sent = app.close();
        assert_eq!(sent.len(), 12 * 320);
        place.assert_log(&server, &sent);
    });
}

#[test]
fn a_server_that_takes_nothing_now_is_asked_again() {
    for_each_client(|place| {
        let (server, mut sent) = (place.server(), Vec::new());
        for behind in [Behind::Busy, Behind::Moved] {
            println!("{behind:?}");
            let before = place.front.connections();
            place.front.show(behind);
            let mut app = place.app();
            app.send(60);
            eventually(|| (place.front.connections() > before + 2).then_some(())).unwrap();
            assert_eq!(place.labels(&server).len(), sent.len());
            place.front.show(Behind::Server(server.address));
            app.flush();
            sent.extend(app.close());
        }
        assert_eq!(place.rejected(), "");
        place.assert_log(&server, &sent);
    });
}

#[test]
fn refused_records_are_set_aside_and_delay_no_others() {
    for_each_client(|place| {
        let server = place.server();
        place.front.show(Behind::Nobody);
        let mut app = place.app();
        app.send(40);
        app.poison();
        app.send(40);
        app.spool();
        place.front.show(Behind::Server(server.address));
        app.flush();
        app.send(1);
        let sent = app.close();
        place.assert_log(&server, &sent);
        let rejected = place.rejected();
        assert_eq!(rejected.lines().count(), 1);
        let entry: serde_json::Value = serde_json::from_str(rejected.trim()).unwrap();
        assert!([400, 413].contains(&entry["status"].as_u64().unwrap()), "{}", entry["status"]);
        assert_eq!(entry["record"][place.kind.list().1], "poison");
    });
}

#[test]
fn two_processes_share_a_spool() {
    for_each_client(|place| {
        let (mut one, mut two) = (place.app(), place.app());
        for _ in 0..5 {
            one.send(10);
            two.send(10);
        }
        one.spool();
        two.spool();
        let server = place.server();
        one.flush();
        two.flush();
        let mut sent = [one.close(), two.close()].concat();
        let mut labels = place.labels(&server);
        sent.sort();
        labels.sort();
        assert_eq!(labels, sent);
        assert_eq!(place.waiting(), 0);
    });
}
