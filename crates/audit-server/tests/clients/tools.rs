//! Interpreters, and the packages that the clients are made for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use crate::common::Ended;

/// One installation at a time: the tests of a binary run side by side.
static INSTALLING: Mutex<()> = Mutex::new(());

pub(crate) fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/clients").canonicalize().unwrap()
}

/// Longest that an installation or a suite of tests may take, on a slow machine and a slow network.
const SECONDS_MAX: &str = "600";

/// Runs to the end, like [`crate::common::run`], but gives it minutes.
#[track_caller]
pub(crate) fn finish(command: &Command) -> Ended {
    let mut limited = Command::new("timeout");
    limited.arg(SECONDS_MAX).arg(command.get_program()).args(command.get_args());
    limited.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(directory) = command.get_current_dir() {
        limited.current_dir(directory);
    }
    let output = limited.stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Ended { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// A command of a tool that has to be there.
pub(crate) fn tool(name: &str) -> Command {
    let found = Command::new(name).arg("--version").output();
    assert!(found.is_ok_and(|output| output.status.success()), "{name} is not installed, and the test needs it");
    let mut command = Command::new(name);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Python with these packages, in an environment of this name.
pub(crate) fn python_with(name: &str, requirements: &[&str]) -> Command {
    let home = install(name, |home| {
        finish(tool("python3").args(["-m", "venv"]).arg(home)).ok();
        let pip = home.join("bin/pip");
        finish(tool(pip.to_str().unwrap()).args(["install", "--quiet"]).args(requirements)).ok();
    });
    tool(home.join("bin/python3").to_str().unwrap())
}

/// Node with this version of Express.
pub(crate) fn node_with_express(requirement: &str) -> Command {
    node_with(&format!("express-{requirement}"), &[&format!("express@{requirement}")])
}

/// Node with these packages, in an environment of this name.
pub(crate) fn node_with(name: &str, packages: &[&str]) -> Command {
    let home = install(name, |home| {
        fs::create_dir_all(home).unwrap();
        fs::write(home.join("package.json"), "{}").unwrap();
        let install = ["install", "--no-audit", "--no-fund", "--loglevel=error"];
        finish(tool("npm").current_dir(home).args(install).args(packages)).ok();
    });
    let mut node = tool("node");
    node.env("NODE_PATH", home.join("node_modules"));
    node
}

/// Makes a directory once: it counts as made when the last step is done.
fn install(name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let _alone = INSTALLING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../clients").join(plain);
    let made = home.join("made");
    if !made.exists() {
        if home.exists() {
            fs::remove_dir_all(&home).unwrap();
        }
        make(&home);
        fs::write(made, name).unwrap();
    }
    home.canonicalize().unwrap()
}
