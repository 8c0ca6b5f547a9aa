//! One setting: its names, its help, what a value must be. The list of all is in [`list`](super::list).

use audit_http::store::without_secrets;

use super::list::DATABASE_URL;

/// The value name of what is on or off.
pub(super) const SWITCH: &str = "BOOL";

/// Which subcommands take a setting as a flag. Variables and the settings file may hold any setting for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Before or after the name of any subcommand.
    Every,
    /// `serve`, and the program without a subcommand.
    Serve,
}

/// One setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// The key in the settings file; flag and variable are made from it.
    pub(crate) key: &'static str,
    /// Stands for the value in the help.
    pub(super) value_name: &'static str,
    /// What it is, for the help.
    pub(super) help: &'static str,
    /// What a value must be, to follow "it must be".
    pub(super) accepts: fn() -> String,
    /// What holds when nothing is given; taken from the crate that uses it, so that the two cannot differ.
    pub(super) default: fn() -> Option<String>,
    pub(super) scope: Scope,
    /// Whether the value is kept out of messages.
    pub(super) secret: bool,
}

impl Setting {
    /// A value as messages may quote it. The password of a database server is the only secret inside another value.
    pub(super) fn shown(&self, value: &str) -> String {
        if self.secret {
            return "********".to_owned();
        }
        if self.key == DATABASE_URL.key { without_secrets(value) } else { value.to_owned() }
    }

    /// `page_size_max` → `page-size-max`
    pub(super) fn flag(&self) -> String {
        self.key.replace('_', "-")
    }

    /// `page_size_max` → `AUDIT_PAGE_SIZE_MAX`
    pub(super) fn variable(&self) -> String {
        format!("AUDIT_{}", self.key.to_uppercase())
    }

    /// Whether it is on or off: the bare flag means on.
    pub(super) fn is_switch(&self) -> bool {
        self.value_name == SWITCH
    }

    /// The help without its default, and what holds when nothing is given.
    pub(super) fn explained(&self) -> (&'static str, String) {
        let (help, said) = self.help.split_once(" [default: ").unwrap_or((self.help, ""));
        (help, (self.default)().unwrap_or_else(|| said.trim_end_matches(']').to_owned()))
    }

    /// All three names, for messages.
    pub(super) fn names(&self) -> String {
        format!("--{} (AUDIT_{}, key `{}`)", self.flag(), self.key.to_uppercase(), self.key)
    }
}
