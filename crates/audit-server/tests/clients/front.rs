//! The address that clients know: it stays, while the server behind it comes, goes, and is too busy.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

const MOVED: &[u8] =
    b"HTTP/1.1 308 Permanent Redirect\r\nLocation: /api/v1/events/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// What a client finds there.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Behind {
    /// Connections are closed at once.
    Nobody,
    /// Every request is 503 with `Retry-After`.
    Busy,
    /// Every request is 308, as from a server that wants another path.
    Moved,
    Server(SocketAddr),
    /// The server gets each request, and its answer is lost.
    Mute(SocketAddr),
}

pub(crate) struct Front {
    address: SocketAddr,
    state: Arc<State>,
    listener: Option<JoinHandle<()>>,
}

struct State {
    behind: Mutex<Behind>,
    connections: AtomicUsize,
    closed: AtomicBool,
}

impl Front {
    pub(crate) fn open(behind: Behind) -> Front {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = State { behind: Mutex::new(behind), connections: AtomicUsize::new(0), closed: AtomicBool::new(false) };
        let state = Arc::new(state);
        let shared = state.clone();
        let listener = thread::spawn(move || {
            for client in listener.incoming() {
                if shared.closed.load(Ordering::SeqCst) {
                    return;
                }
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let behind = *shared.behind.lock().unwrap();
                thread::spawn(move || serve(client.unwrap(), behind));
            }
        });
        Front { address, state, listener: Some(listener) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn show(&self, behind: Behind) {
        *self.state.behind.lock().unwrap() = behind;
    }

    /// How often somebody has come.
    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.state.closed.store(true, Ordering::SeqCst);
        // Wakes the listener, which then ends.
        drop(TcpStream::connect(self.address));
        self.listener.take().map(JoinHandle::join);
    }
}

fn serve(client: TcpStream, behind: Behind) {
    match behind {
        Behind::Nobody => {}
        Behind::Busy => answer(client, BUSY),
        Behind::Moved => answer(client, MOVED),
        Behind::Server(address) => {
            if let Ok(server) = TcpStream::connect(address) {
                let (from_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let up = thread::spawn(move || pass(from_client, to_server));
                pass(server, client);
                up.join().unwrap();
            }
        }
        Behind::Mute(address) => {
            if let Ok(mut server) = TcpStream::connect(address) {
                let (from_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let up = thread::spawn(move || pass(from_client, to_server));
                // It has begun to answer, so the request is done.
                let answered = server.read(&mut [0; 65_536]).is_ok_and(|length| length > 0);
                assert!(answered, "the server has no answer");
                for end in [client, server] {
                    end.shutdown(Shutdown::Both).unwrap_or_default();
                }
                up.join().unwrap();
            }
        }
    }
}

/// Answers before the request is over, as an overloaded proxy does, but reads the rest so that the answer arrives.
fn answer(mut client: TcpStream, text: &[u8]) {
    let (mut buffer, mut seen) = ([0; 65_536], Vec::new());
    while !seen.windows(4).any(|end| end == b"\r\n\r\n") {
        match client.read(&mut buffer) {
            Ok(length) if length > 0 => seen.extend_from_slice(&buffer[..length]),
            _ => return,
        }
    }
    if client.write_all(text).is_ok() && client.shutdown(Shutdown::Write).is_ok() {
        while client.read(&mut buffer).is_ok_and(|length| length > 0) {}
    }
}

/// Bytes from one to the other until either is gone; then both are closed.
fn pass(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 65_536];
    while let Ok(length) = from.read(&mut buffer) {
        if length == 0 || to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    for end in [from, to] {
        // The other direction may have closed it already.
        end.shutdown(Shutdown::Both).unwrap_or_default();
    }
}
