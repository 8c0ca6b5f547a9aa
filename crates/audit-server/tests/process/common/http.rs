//! A client for tests: one connection, one request after the other, nothing repeated behind one's back.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::PATIENCE;

pub(crate) struct Client {
    input: BufReader<TcpStream>,
    address: SocketAddr,
    key: String,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// By its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Client {
    pub(crate) fn connect(address: SocketAddr, key: &str) -> io::Result<Client> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Client { input: BufReader::new(stream), address, key: key.to_owned() })
    }

    pub(crate) fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.send_head("GET", path, "application/json", None)?;
        self.answer()
    }

    pub(crate) fn delete(&mut self, path: &str) -> io::Result<Answer> {
        self.send_head("DELETE", path, "application/json", None)?;
        self.answer()
    }

    pub(crate) fn put(&mut self, path: &str, content_type: &str, body: &str) -> io::Result<Answer> {
        self.send_head("PUT", path, content_type, Some(body.len()))?;
        self.send(body.as_bytes())?;
        self.answer()
    }

    pub(crate) fn post(&mut self, path: &str, content_type: &str, body: &str) -> io::Result<Answer> {
        self.send_head("POST", path, content_type, Some(body.len()))?;
        self.send(body.as_bytes())?;
        self.answer()
    }

    /// Sends the head of a POST and returns once the server waits for the body.
    pub(crate) fn begin(&mut self, path: &str, content_type: &str, length: usize) -> io::Result<()> {
        let head = self.head("POST", path, content_type, Some(length)).replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n");
        self.send(head.as_bytes())?;
        match (self.line()?, self.line()?) {
            (status, end) if status == "HTTP/1.1 100 Continue" && end.is_empty() => Ok(()),
            other => Err(io::Error::other(format!("{other:?}"))),
        }
    }

    fn send_head(&mut self, method: &str, path: &str, content_type: &str, length: Option<usize>) -> io::Result<()> {
        let head = self.head(method, path, content_type, length);
        self.send(head.as_bytes())
    }

    fn head(&self, method: &str, path: &str, content_type: &str, length: Option<usize>) -> String {
        let length =
            length.map(|length| format!("Content-Length: {length}\r\nContent-Type: {content_type}\r\n")).unwrap_or_default();
        let (address, key) = (self.address, &self.key);
        format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Token {key}\r\n{length}\r\n")
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.input.get_mut().write_all(bytes)
    }

    pub(crate) fn answer(&mut self) -> io::Result<Answer> {
        let status_line = self.line()?;
        let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, status_line.clone()))?;
        let mut headers = Vec::new();
        while let Some((name, value)) = self.line()?.split_once(':') {
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Answer { status, headers, body: String::new() };
        let body = match (answer.header("transfer-encoding"), answer.header("content-length")) {
            (Some("chunked"), _) => self.chunks()?,
            (_, Some(length)) => self.bytes(length.parse().map_err(io::Error::other)?)?,
            _ => Vec::new(),
        };
        answer.body = String::from_utf8(body).map_err(io::Error::other)?;
        Ok(answer)
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let size = usize::from_str_radix(self.line()?.trim(), 16).map_err(io::Error::other)?;
            body.extend(self.bytes(size)?);
            self.line()?;
            if size == 0 {
                return Ok(body);
            }
        }
    }

    fn bytes(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.input.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.input.read_line(&mut line)? == 0 || !line.ends_with('\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}
