//! Programs that end with the test process, whatever ends it.

use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

/// Who a server runs as when the tests run as root, which PostgreSQL refuses to be: `nobody`.
const NOBODY: u32 = 65_534;

/// Ends with SIGINT what wrote its number into the file, which is a fast shutdown for PostgreSQL and for pgbouncer, insists after
/// some seconds, and removes the directory. The shell has a process group of its own, so that Ctrl-C reaches it only through the
/// end of the pipe.
const WATCH: &str = r#"
read -r _ignored
for file in "$1"/*/postmaster.pid "$1"/*.pid; do
    [ -f "$file" ] && kill -INT "$(head -n 1 "$file")" 2>/dev/null
done
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    running=""
    for file in "$1"/*/postmaster.pid "$1"/*.pid; do
        [ -f "$file" ] && kill -0 "$(head -n 1 "$file")" 2>/dev/null && running="$running $(head -n 1 "$file")"
    done
    [ -z "$running" ] && break
    sleep 0.25
done
[ -n "$running" ] && kill -QUIT $running 2>/dev/null
rm -rf "$1"
"#;

/// Holds the pipe; dropped, or gone with the process, everything in its directory ends.
pub(super) struct Keeper {
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Keeper {
    pub(super) fn of(directory: &Path) -> Keeper {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new("sh");
        command.args(["-c", WATCH, "sh"]).arg(directory).process_group(0);
        let mut shell = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let pipe = shell.stdin.take();
        Keeper { shell, pipe }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.pipe.take());
        self.shell.wait().unwrap();
    }
}

fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"))
}

/// Makes a command run as somebody that a server may run as.
pub(super) fn unprivileged(command: &mut Command) -> &mut Command {
    use std::os::unix::process::CommandExt;
    if is_root() { command.uid(NOBODY).gid(NOBODY) } else { command }
}

/// Gives a directory to that somebody.
pub(super) fn hand_over(directory: &Path) {
    if is_root() {
        std::os::unix::fs::chown(directory, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

/// Runs a command to its end.
#[track_caller]
pub(super) fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
