//! Tools of the hostile client.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// An attack on its way: where to, and whether it goes on.
pub(crate) struct Attack {
    pub(crate) address: SocketAddr,
    /// A key that may append to channel 2.
    pub(crate) writer: String,
    /// A key that may read channel 3, in which there is nothing.
    pub(crate) reader: String,
    over: AtomicBool,
    statuses: Mutex<BTreeMap<u16, usize>>,
    failures: Mutex<Vec<String>>,
}

/// How long a hostile client waits for anything before it looks whether the attack is over.
const TICK: Duration = Duration::from_millis(100);

/// A pause for attacks that cost the server little; each client rests a little longer than the one before it, so that they do not
/// all begin at once.
pub(crate) const PAUSE: Duration = Duration::from_millis(500);

impl Attack {
    pub(crate) fn new(address: SocketAddr, writer: String, reader: String) -> Attack {
        Attack { address, writer, reader, over: AtomicBool::new(false), statuses: Mutex::default(), failures: Mutex::default() }
    }

    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// How often each status was answered to [`Attack::exchange`].
    pub(crate) fn statuses(&self) -> BTreeMap<u16, usize> {
        self.statuses.lock().unwrap().clone()
    }

    /// What happened to connections that broke.
    pub(crate) fn failures(&self) -> Vec<String> {
        self.failures.lock().unwrap().clone()
    }

    /// So many clients side by side, each of which does the same again and again, with a pause in between, until the attack is
    /// over. Without the pause, and with the honest client and the server on the same few processors, it would be seen which of the
    /// three is scheduled, and not what the server does. A client whose connection fails begins again.
    pub(crate) fn crowd(&self, clients: usize, pause: Duration, act: impl Fn(usize) -> io::Result<()> + Sync) {
        std::thread::scope(|scope| {
            for number in 0..clients {
                let (act, run) = (&act, std::thread::Builder::new().stack_size(128 * 1024));
                let repeat = move || {
                    // Not all in the same instant, for the same reason.
                    self.pause(Duration::from_millis(number as u64 * 10));
                    while !self.is_over() {
                        if let Err(error) = act(number) {
                            self.failures.lock().unwrap().push(error.to_string());
                        }
                        self.pause(pause + Duration::from_millis(number as u64 * 7 % 250));
                    }
                };
                run.spawn_scoped(scope, repeat).unwrap();
            }
        });
    }

    pub(crate) fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect_timeout(&self.address, Duration::from_secs(10))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TICK))?;
        stream.set_write_timeout(Some(TICK))?;
        Ok(stream)
    }

    /// Sends bytes, slowly if the server takes them slowly, until the attack is over.
    pub(crate) fn send(&self, stream: &mut TcpStream, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() && !self.is_over() {
            match stream.write(bytes) {
                Ok(sent) => bytes = &bytes[sent..],
                Err(error) if is_slow(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits for the answer and takes its status; [`None`] when the attack is over before.
    pub(crate) fn status(&self, stream: &mut TcpStream) -> io::Result<Option<u16>> {
        let mut head = Vec::new();
        let mut buffer = [0; 4096];
        while !self.is_over() {
            match stream.read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => head.extend_from_slice(&buffer[..read]),
                Err(error) if is_slow(&error) => {}
                Err(error) => return Err(error),
            }
            if let Some(status) = head.get(9..12) {
                let status = std::str::from_utf8(status).ok().and_then(|status| status.parse().ok());
                let status: u16 = status.ok_or_else(|| io::Error::other(String::from_utf8_lossy(&head).into_owned()))?;
                *self.statuses.lock().unwrap().entry(status).or_default() += 1;
                return Ok(Some(status));
            }
        }
        Ok(None)
    }

    /// Whether there is something to read, also the end.
    pub(crate) fn has_answer(&self, stream: &mut TcpStream) -> io::Result<bool> {
        match stream.peek(&mut [0]) {
            Ok(_) => Ok(true),
            Err(error) if is_slow(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Waits as long as the attack goes on, and at most this long.
    pub(crate) fn pause(&self, time: Duration) {
        let end = Instant::now() + time;
        while !self.is_over() && Instant::now() < end {
            std::thread::sleep(TICK.min(time));
        }
    }

    /// One request on a connection of its own.
    pub(crate) fn exchange(&self, head: &str, body: &[u8]) -> io::Result<Option<u16>> {
        let mut stream = self.connect()?;
        self.send(&mut stream, head.as_bytes())?;
        self.send(&mut stream, body)?;
        self.status(&mut stream)
    }
}

fn is_slow(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// The head of a request with a body.
pub(crate) fn head(method: &str, path: &str, key: &str, media_type: &str, length: usize) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: hostile\r\nAuthorization: Token {key}\r\nContent-Type: {media_type}\r\n\
         Content-Length: {length}\r\n\r\n"
    )
}

/// A request without a body.
pub(crate) fn get(path: &str, key: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: hostile\r\nAuthorization: Token {key}\r\n\r\n")
}
