//! Interpreters, with the packages that the pages tell people to install.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use crate::common::run;

/// One step of preparing at a time: the tests of a binary run side by side.
static PREPARING: Mutex<()> = Mutex::new(());

/// The directory of a `python3` that has the packages of the pages.
pub(crate) fn python() -> PathBuf {
    let python = prepared("python", |home| {
        run(Command::new("python3").args(["-m", "venv"]).arg(home)).ok();
        run(Command::new(home.join("bin/python3")).args(["-m", "pip", "install", "--quiet", "requests", "django~=5.2.0"])).ok();
    });
    python.join("bin")
}

/// `PATH` with a directory before everything else.
pub(crate) fn path_with(directory: &Path) -> OsString {
    let mut path = directory.as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    path
}

/// Where Node finds the packages.
pub(crate) fn node_modules() -> PathBuf {
    let home = prepared("node-winston", |home| {
        fs::create_dir_all(home).unwrap();
        fs::write(home.join("package.json"), "{}").unwrap();
        let packages = ["install", "--no-audit", "--no-fund", "--loglevel=error", "express@^5", "winston@^3"];
        run(Command::new("npm").current_dir(home).args(packages)).ok();
    });
    home.join("node_modules")
}

/// A directory under `target` that is made once; it counts as made when the last step is done.
fn prepared(name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let _alone = PREPARING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../docs").join(name);
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

/// The examples of all crates, compiled: cargo does that before the tests when all of them run, and here when one alone does.
pub(crate) fn examples() -> PathBuf {
    let _alone = PREPARING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let program = Path::new(env!("CARGO_BIN_EXE_audit-server"));
    let profile = program.parent().unwrap();
    let target = profile.parent().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--locked", "--workspace", "--examples", "--target-dir"]).arg(target);
    // What cargo tells a test about its crate would make the build scripts of others run again.
    let told = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_TARGET_TMPDIR", "LD_LIBRARY_PATH"];
    for (name, _) in std::env::vars_os().filter(|(name, _)| told.iter().any(|told| name.to_string_lossy().starts_with(told))) {
        cargo.env_remove(name);
    }
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let built = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap();
    assert!(built.success(), "{built}");
    profile.join("examples")
}
