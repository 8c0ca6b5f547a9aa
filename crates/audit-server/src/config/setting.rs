//! One setting: its names, its help, and its accepted values. The list of all settings is in
//! [`list`](super::list).

use audit_http::store::without_secrets;

use super::list::DATABASE_URL;

/// The value name of a setting that is on or off.
pub(super) const SWITCH: &str = "BOOL";

/// The subcommands that take a setting as a flag. Variables and the settings file may have any
/// setting for all subcommands.
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
    /// The key in the settings file. Flag and variable follow from it.
    pub(crate) key: &'static str,
    /// The placeholder of the value in the help.
    pub(super) value_name: &'static str,
    /// The description, for the help.
    pub(super) help: &'static str,
    /// The accepted values, as the end of a sentence with "it must be".
    pub(super) accepts: fn() -> String,
    /// The default. It comes from the crate that uses the setting, so that the two cannot differ.
    pub(super) default: fn() -> Option<String>,
    pub(super) scope: Scope,
    /// Whether messages hide the value.
    pub(super) secret: bool,
}

impl Setting {
    /// The value for messages. The password of a database server is the only secret inside another
    /// value.
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

    /// Whether the setting is on or off. The flag without a value means on.
    pub(super) fn is_switch(&self) -> bool {
        self.value_name == SWITCH
    }

    /// The help without its default, and the default.
    pub(super) fn explained(&self) -> (&'static str, String) {
        let (help, said) = self.help.split_once(" [default: ").unwrap_or((self.help, ""));
        (help, (self.default)().unwrap_or_else(|| said.trim_end_matches(']').to_owned()))
    }

    /// All three names, for messages.
    pub(super) fn names(&self) -> String {
        format!("--{} (AUDIT_{}, key `{}`)", self.flag(), self.key.to_uppercase(), self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::super::list::{ADMIN_TOKEN, DATABASE_URL, PUBLIC_URL};

    #[test]
    fn secrets_are_masked_and_nothing_else() {
        assert_eq!(ADMIN_TOKEN.shown("0123456789abcdef"), "********");
        assert_eq!(DATABASE_URL.shown("postgres://me:secret@db/x"), "postgres://me:…@db/x");
        for plain in ["postgres://me@db/x", "sqlite://a.db"] {
            assert_eq!(DATABASE_URL.shown(plain), plain);
        }
        // The place of the password is not clear, so no part of the value is shown.
        for unreadable in ["me:secret", "a@b://c"] {
            assert_eq!(DATABASE_URL.shown(unreadable), "…");
        }
        assert_eq!(PUBLIC_URL.shown("https://a.example/?x"), "https://a.example/?x");
    }
}
