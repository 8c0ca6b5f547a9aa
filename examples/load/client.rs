//! HTTP/1.1 over one keep-alive connection: one request after the other, nothing repeated behind one's back.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longest wait for an answer: a batch in a full queue takes seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request without its key.
#[derive(Clone)]
pub(crate) struct Request {
    method: &'static str,
    path: String,
    media_type: &'static str,
    body: String,
}

impl Request {
    pub(crate) fn get(path: impl Into<String>) -> Request {
        Request { method: "GET", path: path.into(), media_type: "", body: String::new() }
    }

    pub(crate) fn post(path: impl Into<String>, media_type: &'static str, body: String) -> Request {
        Request { method: "POST", path: path.into(), media_type, body }
    }

    /// The path with its query.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }
}

/// What came back; the body stays with the [`Connection`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
}

pub(crate) struct Connection {
    address: SocketAddr,
    key: String,
    input: BufReader<TcpStream>,
    /// The server said that it closes the connection.
    closed: bool,
    output: Vec<u8>,
    line: String,
    body: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr, key: &str) -> io::Result<Connection> {
        let (output, line, body) = (Vec::new(), String::new(), Vec::new());
        Ok(Connection { address, key: key.to_owned(), input: connect(address)?, closed: false, output, line, body })
    }

    /// Sends a request and reads the whole answer. After an error, and where the server closed the connection, the next request
    /// opens a new one.
    pub(crate) fn exchange(&mut self, request: &Request) -> io::Result<Answer> {
        if self.closed {
            self.input = connect(self.address)?;
            self.closed = false;
        }
        let sent = self.send(request);
        // A server that refuses a body may answer, and close, before it has all of it.
        let answer = self.answer().map_err(|error| sent.err().unwrap_or(error));
        self.closed |= answer.is_err();
        answer
    }

    /// The body of the last answer.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// One write for head and body: two would wait for each other's acknowledgement, or be two packets.
    fn send(&mut self, request: &Request) -> io::Result<()> {
        let Request { method, path, media_type, body } = request;
        self.output.clear();
        write!(self.output, "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Token {}\r\n", self.address, self.key)?;
        if !media_type.is_empty() {
            write!(self.output, "Content-Type: {media_type}\r\nContent-Length: {}\r\n", body.len())?;
        }
        write!(self.output, "\r\n{body}")?;
        self.input.get_mut().write_all(&self.output)
    }

    fn answer(&mut self) -> io::Result<Answer> {
        self.read_line()?;
        let status = self.line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no HTTP: `{}`", self.line)))?;
        let (mut answer, mut length, mut chunked) = (Answer { status, retry_after: None }, 0, false);
        loop {
            self.read_line()?;
            let Some((name, value)) = self.line.split_once(':') else { break };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().map_err(io::Error::other)?,
                "transfer-encoding" => chunked = value.eq_ignore_ascii_case("chunked"),
                "connection" => self.closed = value.eq_ignore_ascii_case("close"),
                "retry-after" => answer.retry_after = value.parse().ok().map(Duration::from_secs),
                _ => {}
            }
        }
        self.body.clear();
        if chunked {
            self.read_chunks()?
        } else {
            self.read_bytes(length)?
        }
        Ok(answer)
    }

    fn read_chunks(&mut self) -> io::Result<()> {
        loop {
            self.read_line()?;
            let size = usize::from_str_radix(&self.line, 16).map_err(io::Error::other)?;
            self.read_bytes(size)?;
            self.read_line()?;
            if size == 0 {
                return Ok(());
            }
        }
    }

    /// Appends so many bytes to the body.
    fn read_bytes(&mut self, length: usize) -> io::Result<()> {
        let start = self.body.len();
        self.body.resize(start + length, 0);
        self.input.read_exact(&mut self.body[start..])
    }

    /// The next line, without its end.
    fn read_line(&mut self) -> io::Result<()> {
        self.line.clear();
        if self.input.read_line(&mut self.line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.line.truncate(self.line.trim_end().len());
        Ok(())
    }
}

fn connect(address: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(BufReader::with_capacity(64 * 1024, stream))
}
