//! Origins: the names of logs in their checkpoints. That of the log of a channel says which channel
//! and which stream it is.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use crate::{ChannelId, Stream};

/// The origin of the log of a channel: `<log name>/<channel_id>/<stream>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOrigin {
    /// The log name of the database.
    pub log_name: String,
    /// The channel.
    pub channel_id: ChannelId,
    /// The stream.
    pub stream: Stream,
}

/// The error of a text that is not the origin of the log of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the origin of a log is a log name, a channel and a stream, such as audit.example.com/1/events")]
pub struct OriginError;

impl LogOrigin {
    /// The origin of the root log of the same database, whose entries are checkpoints of its other
    /// logs: `<log name>/root`.
    #[must_use]
    pub fn root(&self) -> String {
        format!("{}/root", self.log_name)
    }
}

/// Formats the origin as it is in a checkpoint.
impl Display for LogOrigin {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.log_name, self.channel_id.get(), self.stream.name())
    }
}

/// Reads an origin. Each log has one, and any other spelling is refused.
impl FromStr for LogOrigin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<LogOrigin, OriginError> {
        let mut parts = text.rsplitn(3, '/');
        let (Some(stream), Some(channel), Some(log_name)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(OriginError);
        };
        let channel_id = channel.parse().ok().and_then(ChannelId::new).ok_or(OriginError)?;
        let stream = Stream::from_name(stream).ok_or(OriginError)?;
        let origin = LogOrigin { log_name: log_name.to_owned(), channel_id, stream };
        // What is left of the rules: signs and leading zeros.
        if !log_name.is_empty() && origin.to_string() == text { Ok(origin) } else { Err(OriginError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_names_the_channel_and_the_stream() {
        for (text, channel, stream) in [
            ("audit.example.com/1/events", 1, Stream::Events),
            ("audit.local/7f3a/0/action-logs", 0, Stream::ActionLogs),
            ("a/9223372036854775807/events", i64::MAX, Stream::Events),
        ] {
            let origin: LogOrigin = text.parse().unwrap();
            assert_eq!((origin.channel_id.get(), origin.stream, origin.to_string().as_str()), (channel, stream, text));
        }
        assert_eq!("audit.local/7f3a-2/4/events".parse::<LogOrigin>().unwrap().root(), "audit.local/7f3a-2/root");
        for other in
            ["", "a/root", "1/events", "/1/events", "a/1/event", "a/01/events", "a/+1/events", "a/-1/events", "a/1/events/"]
        {
            assert_eq!(other.parse::<LogOrigin>(), Err(OriginError), "{other}");
        }
    }
}
