//! What an outsider installs: Python with the programs of others that verify the log, and nothing of this project.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

/// The packages, in the versions of `docs/verify-with-other-tools.md`. They bring the package `cryptography`, too.
pub(crate) const PACKAGES: [&str; 3] = ["proofbundle==6.3.1", "aics-tlog==0.2.1", "aics-witness==0.1.0"];

/// One installation at a time: the tests of a binary run side by side.
static INSTALLING: Mutex<()> = Mutex::new(());

/// The directory with their commands and their `python3`.
pub(crate) fn bin() -> PathBuf {
    let _alone = INSTALLING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../clients").join(PACKAGES.join("-").replace("==", "-"));
    // The last file to be made.
    let made = home.join("made");
    if !made.exists() {
        if home.exists() {
            fs::remove_dir_all(&home).unwrap();
        }
        let (python, more) = python();
        done(Command::new(python).args(["-m", "venv"]).arg(&home));
        done(Command::new(home.join("bin/python3")).args(["-m", "pip", "install", "--quiet"]).args(more).args(PACKAGES));
        fs::write(made, "").unwrap();
    }
    home.canonicalize().unwrap().join("bin")
}

/// A Python that the packages accept, on the `PATH` or one of those that pyenv keeps; and arguments of pip.
///
/// aics-tlog and aics-witness ask for 3.12. Where there is only an older one, as in Debian 12, they are installed all the same: these
/// versions run on 3.11 without a change, and a test with them says more than none.
fn python() -> (PathBuf, &'static [&'static str]) {
    let mut candidates: Vec<PathBuf> = ["python3", "python3.14", "python3.13", "python3.12"].map(PathBuf::from).into();
    let pyenv = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let pyenv = pyenv.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".pyenv")));
    let versions = pyenv.and_then(|pyenv| fs::read_dir(pyenv.join("versions")).ok());
    candidates.extend(versions.into_iter().flatten().map(|version| version.unwrap().path().join("bin/python3")));
    let is_new = |python: &PathBuf| {
        let asked = ["-c", "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 12))"];
        let status = Command::new(python).args(asked).stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    match candidates.into_iter().find(is_new) {
        Some(python) => (python, &[]),
        None => (PathBuf::from("python3"), &["--ignore-requires-python"]),
    }
}

fn done(command: &mut Command) {
    let mut limited = Command::new("timeout");
    limited.arg("600").arg(command.get_program()).args(command.get_args());
    let output = limited.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
}
