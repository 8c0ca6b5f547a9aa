//! The source of the lines of an import: the part of a line's identity that makes a line without a
//! uuid the same record in every run.

use std::path::Path;

use audit_http::store::domain::uuid::Uuid;

use crate::new_entry::Kind;

/// The place of an event in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SourceLine {
    /// The index of the file.
    pub(crate) file: usize,
    /// The line, from 1.
    pub(crate) line: u64,
    /// Whether the line has a uuid of its own, and not one that was made from its place.
    pub(crate) has_own_uuid: bool,
}

/// The identity of a line besides its number and its text; `None` if a second run could not find it
/// again.
pub(crate) struct Source(Option<Vec<u8>>);

impl Source {
    /// Takes the identity of a file: its path from the root, without links and without `.gz`. So
    /// one file is the same from every directory, and files of two hosts in two directories are two
    /// files. With a name given by the operator, the identity is that name and the file's own name,
    /// so that a file may move.
    ///
    /// An input that is not a file (stdin, a pipe) has only the given name, or no identity at all.
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

    /// The uuid of a line that has none; it is the same in every run.
    pub(crate) fn uuid_of_line(&self, kind: Kind, number: u64, text: &str) -> Option<Uuid> {
        let source = self.0.as_ref()?;
        let namespace = Uuid::new_v5(&Uuid::NAMESPACE_OID, b"audit-server import");
        let line = format!("\0{number}\0{text}{}", kind.salt());
        Some(Uuid::new_v5(&namespace, &[source, line.as_bytes()].concat()))
    }
}

/// Removes `.gz`: a file is the same file whether it is compressed or not.
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
    fn files_are_identified_by_path_or_given_name() {
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
