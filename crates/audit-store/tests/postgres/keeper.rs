//! Programs that end with the test process, whatever ends it.

use std::fs::{File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use postgres::{Client, NoTls};
use tempfile::TempDir;

/// How long a program may take to start or to stop, on a slow machine under load.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Who a server runs as when the tests run as root, which PostgreSQL refuses to be: `nobody`.
const NOBODY: u32 = 65_534;

/// Becomes a program, after its number was written to a file: there is no moment in which the program runs and nobody knows it. If
/// the directory is gone by then, so is the test, and there is nothing to run.
const BECOME: &str = r#"echo $$ > "$0" && exec "$@""#;

/// The file of the program that serves, and of the one that runs to its end.
const SERVES: &str = "serves.pid";
const RUNS: &str = "runs.pid";

/// Ends what serves, waits for what runs, insists after some seconds, and removes the directory. SIGQUIT is what PostgreSQL calls an
/// immediate shutdown: like a fast one it takes the shared memory along, but it writes nothing that is removed next. SIGTERM follows
/// for who ignores SIGQUIT, as a pgbouncer does if the tests run in the background of a script. An `initdb` is left to end by
/// itself: it takes half a second, and ended from outside it leaves the shared memory of its servers behind.
const WATCH: &str = r#"
trap '' INT QUIT TERM HUP
read -r _ignored
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
    left=""
    for file in "$1/$2" "$1/$3"; do
        number=$(cat "$file" 2>/dev/null) && kill -0 "$number" 2>/dev/null || continue
        left="$left $number"
        [ "$file" = "$1/$2" ] && kill -QUIT "$number" && kill -TERM "$number"
    done
    [ -z "$left" ] && rm -rf "$1" && exit
    sleep 0.2
done
kill -KILL $left
rm -rf "$1"
"#;

/// A directory, and the shell that ends whatever runs for it: when this is dropped, or gone with the process.
pub(super) struct Keeper {
    directory: TempDir,
    is_root: bool,
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Keeper {
    /// In `/tmp`, because the path of a socket has to be shorter than a temporary directory may be. Nobody else may enter: a user who
    /// reaches the socket is a superuser without a password, who can run programs as its owner.
    pub(super) fn start() -> Keeper {
        let private = Permissions::from_mode(0o700);
        let directory = tempfile::Builder::new().prefix("audit-pg-").permissions(private).tempdir_in("/tmp").unwrap();
        let mut command = Command::new("sh");
        // A group of its own: neither Ctrl-C nor what kills the group of the tests reaches it, only the end of the pipe.
        command.args(["-c", WATCH, "sh"]).arg(directory.path()).args([SERVES, RUNS]).current_dir("/").process_group(0);
        let mut shell = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let pipe = shell.stdin.take();
        // Who owns what it makes is who the process is.
        let is_root = directory.path().metadata().unwrap().uid() == 0;
        if is_root {
            chown(directory.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        Keeper { directory, is_root, shell, pipe }
    }

    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// As somebody that a server may run as, in a directory that this somebody may enter, and in a group of its own: killed with the
    /// group of the tests, a server would leave its shared memory behind.
    fn command(&self, program: &Path, file: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", BECOME, file]).arg(program);
        command.current_dir(self.directory()).process_group(0).stdin(Stdio::null());
        if self.is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    /// Runs a program to its end.
    #[track_caller]
    pub(super) fn run(&self, program: &Path, arguments: &[&str]) {
        let output = self.command(program, RUNS).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}: {}", program.display(), String::from_utf8_lossy(&output.stderr));
        std::fs::remove_file(self.directory().join(RUNS)).unwrap();
    }

    /// Starts a server, and waits until it takes connections.
    #[track_caller]
    pub(super) fn serve(&self, program: &Path, arguments: &[&str], url: &str) {
        let log = File::options().create(true).append(true).open(self.directory().join("log")).unwrap();
        let mut command = self.command(program, SERVES);
        let mut child = command.args(arguments).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        // Waited for elsewhere: a server that is stopped must not stay as a zombie that looks alive.
        let ended = std::thread::spawn(move || child.wait());
        let end = Instant::now() + PATIENCE;
        while let Err(error) = Client::connect(url, NoTls) {
            let goes_on = !ended.is_finished() && Instant::now() < end;
            assert!(goes_on, "{} does not start: {error}: {}", program.display(), self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends a server as a crash would, if it runs.
    #[track_caller]
    pub(super) fn stop(&self) {
        let file = self.directory().join(SERVES);
        let Ok(number) = std::fs::read_to_string(&file) else { return };
        let signal = |name: &str| {
            let mut kill = Command::new("sh");
            kill.args(["-c", r#"kill "-$0" "$1""#, name, number.trim()]).stderr(Stdio::null()).status().unwrap().success()
        };
        signal("QUIT");
        let end = Instant::now() + PATIENCE;
        while signal("0") {
            assert!(Instant::now() < end, "the server does not stop: {}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
        std::fs::remove_file(file).unwrap();
    }

    /// What its servers logged.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.directory().join("log")).unwrap_or_default()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.pipe.take());
        self.shell.wait().unwrap();
    }
}
