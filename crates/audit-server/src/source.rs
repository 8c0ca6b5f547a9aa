//! Where the lines of an import come from, as far as it makes a line without a uuid the same record in every run.

use std::path::Path;

use audit_http::store::domain::uuid::Uuid;

use crate::new_entry::Kind;

/// Where an event came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SourceLine {
    /// Index of the file.
    pub(crate) file: usize,
    /// Line, from 1.
    pub(crate) line: u64,
    /// Whether the line has a uuid, instead of one that was made of its place.
    pub(crate) has_own_uuid: bool,
}

/// What a line is known by beside its number and its text; nothing where a second run could not find it again.
pub(crate) struct Source(Option<Vec<u8>>);

impl Source {
    /// Of a file: its path from the root, without links and without `.gz`, so that one file is the same from every directory, and
    /// files of two hosts in two directories are two. With a name given by the operator, that name and the file's own, so that a
    /// file may move.
    ///
    /// An input that is not a file (stdin, a pipe) has the given name only, or none at all.
    pub(crate) fn new(path: Option<&Path>, given: Option<&str>) -> Source {
        let file = path.filter(|path| path.is_file());
        Source(match (given, file) {
            (Some(given), file) => {
                let name = file.and_then(Path::file_name).map_or(&b"-"[..], |name| without_gz(name.as_encoded_bytes()));
                Some([b"source\0", given.as_bytes(), b"\0", name].concat())
            }
            (None, Some(file)) => file.canonicalize().ok().map(|path| {
                let path = path.as_os_str().as_encoded_bytes();
                [b"path\0", without_gz(path)].concat()
            }),
            (None, None) => None,
        })
    }

    /// The uuid of a line that has none, the same in every run.
    pub(crate) fn uuid_of_line(&self, kind: Kind, number: u64, text: &str) -> Option<Uuid> {
        let source = self.0.as_ref()?;
        let namespace = Uuid::new_v5(&Uuid::NAMESPACE_OID, b"audit-server import");
        let line = format!("\0{number}\0{text}{}", kind.salt());
        Some(Uuid::new_v5(&namespace, &[source, line.as_bytes()].concat()))
    }
}

/// Packed or not, it is the same file.
fn without_gz(path: &[u8]) -> &[u8] {
    path.strip_suffix(b".gz").unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uuid(source: &Source) -> Option<Uuid> {
        source.uuid_of_line(Kind::Events, 3, "{}")
    }

    #[test]
    fn a_line_without_uuid_gets_the_same_one_in_every_run() {
        let source = Source::new(None, Some("web1"));
        assert_eq!(uuid(&source).unwrap().to_string(), "3d122258-7bc3-52f0-a5e1-2a3358057a56");
        for other in [
            source.uuid_of_line(Kind::Events, 4, "{}"),
            source.uuid_of_line(Kind::Events, 3, "{ }"),
            source.uuid_of_line(Kind::ActionLogs, 3, "{}"),
            uuid(&Source::new(None, Some("web2"))),
            uuid(&Source::new(None, None)),
        ] {
            assert_ne!(other, uuid(&source));
        }
        assert_eq!(uuid(&Source::new(None, None)), None, "nothing tells one stdin from another");
    }

    #[test]
    fn a_file_is_known_by_its_whole_path_or_by_the_name_that_is_given() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "").unwrap();
            path
        };
        let (web1, web2, packed) = (file("web1/audit.ndjson"), file("web2/audit.ndjson"), file("web1/audit.ndjson.gz"));
        let by_path = |path: &Path| uuid(&Source::new(Some(path), None));
        assert_ne!(by_path(&web1), by_path(&web2));
        assert_eq!(by_path(&web1), by_path(&directory.path().join("web2/../web1/./audit.ndjson")));
        assert_eq!(by_path(&web1), by_path(&packed));
        let by_name = |path: &Path| uuid(&Source::new(Some(path), Some("host")));
        assert_eq!(by_name(&web1), by_name(&web2), "two files with one given name are one source");
        assert_ne!(by_name(&web1), by_path(&web1));
        assert_eq!(by_path(directory.path()), None, "a directory is not a file");
    }
}
