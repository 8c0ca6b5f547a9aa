//! What the tests of the process share: running it, watching it, and talking to it over a bare socket.

pub(crate) mod http;
pub(crate) mod server;
pub(crate) mod tls;

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Longest any single step may take, on a slow machine under load. Nothing sleeps this long unless it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The program in a directory, with none of the caller's own settings.
pub(crate) fn program(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_audit-server"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AUDIT_")) {
        command.env_remove(name);
    }
    command.current_dir(directory).env("RUST_BACKTRACE", "1").stdin(Stdio::null());
    command
}

/// The program in a file system of its own, in which the lines of shell before it mount what they like. It needs no rights: in a user
/// namespace of its own, everybody is root.
pub(crate) fn program_with_mounts(directory: &Path, mounts: &str) -> Command {
    let mut command = Command::new("unshare");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AUDIT_")) {
        command.env_remove(name);
    }
    let script = format!("{mounts}\nexec \"$0\" \"$@\"");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-ec", &script, env!("CARGO_BIN_EXE_audit-server")]);
    command.current_dir(directory).env("RUST_BACKTRACE", "1").stdin(Stdio::null());
    command
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Stdout of a run that went well.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// The one sentence of a run that failed, without the program's name.
    #[track_caller]
    pub(crate) fn sentence(&self) -> &str {
        assert_eq!(self.code, Some(1), "{self:?}");
        let sentence = self.stderr.strip_prefix("audit-server: ").and_then(|rest| rest.strip_suffix('\n'));
        let sentence = sentence.unwrap_or_else(|| panic!("no sentence of the program: {self:?}"));
        assert!(!sentence.contains('\n') && !sentence.contains("stack backtrace"), "{self:?}");
        sentence
    }
}

/// Runs to the end; a run that does not end is killed and fails the test.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> Ended {
    run_with_input(command, b"")
}

#[track_caller]
pub(crate) fn run_with_input(command: &mut Command, input: &[u8]) -> Ended {
    if !input.is_empty() {
        command.stdin(Stdio::piped());
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (stdout, stderr) = (collect(child.stdout.take().unwrap()), collect(child.stderr.take().unwrap()));
    if let Some(mut stdin) = child.stdin.take() {
        let input = input.to_vec();
        thread::spawn(move || std::io::Write::write_all(&mut stdin, &input));
    }
    let code = wait(&mut child).unwrap_or_else(|| panic!("{command:?} does not end"));
    Ended { code: code.code(), stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
}

fn collect(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).map(|_| text).unwrap()
    })
}

/// Waits for the end; `None` (and the process is killed) when it does not come.
pub(crate) fn wait(child: &mut Child) -> Option<std::process::ExitStatus> {
    let ended = eventually(|| child.try_wait().unwrap());
    if ended.is_none() {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    ended
}

/// Asks until there is an answer.
pub(crate) fn eventually<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + PATIENCE;
    loop {
        match ask() {
            None if Instant::now() < end => thread::sleep(Duration::from_millis(2)),
            answer => return answer,
        }
    }
}

/// Sets the rights of a file or directory.
pub(crate) fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
