//! The list of settings as texts for people: a table for the documentation, a settings file to
//! start from, and the current values.

use std::path::{Path, PathBuf};

use super::flags::FlagValues;
use super::list::ALL;
use super::setting::Setting;
use super::sources::{SettingError, SettingSource, Sources};

/// The table of `docs/settings.md`.
pub(crate) fn markdown() -> String {
    let mut table = String::from("| key | flag | variable | default | what it is |\n| --- | --- | --- | --- | --- |\n");
    for setting in ALL {
        let (help, default) = setting.explained();
        let default = if (setting.default)().is_some() { format!("`{default}`") } else { default };
        let (value, key, variable) = (setting.value_name, setting.key, setting.variable());
        let flag = if setting.is_switch() { setting.flag() } else { format!("{} {value}", setting.flag()) };
        let accepts = (setting.accepts)();
        table += &format!("| `{key}` | `--{flag}` | `{variable}` | {default} | {help}. It must be {accepts}. |\n");
    }
    table
}

/// A settings file in which everything is a comment.
pub(crate) fn template() -> String {
    let mut text = String::from(
        "# Settings of audit-server. Each one is also a flag and an environment variable under the same name: `listen` is\n\
         # `--listen` and AUDIT_LISTEN. A flag overrides a variable, a variable overrides this file, and this file overrides the\n\
         # default. `audit-server config check` finds mistakes, `audit-server config show` shows the values and their sources.\n",
    );
    for setting in ALL {
        let (help, default) = setting.explained();
        let has_default = (setting.default)().is_some();
        let note = if has_default { String::new() } else { format!(" Without it: {default}.") };
        text.push('\n');
        for line in wrapped(&format!("{help}. It must be {}.{note}", (setting.accepts)())) {
            text += &format!("# {line}\n");
        }
        let value = match (setting.default)() {
            Some(value) if setting.is_switch() || value.bytes().all(|byte| byte.is_ascii_digit()) => value,
            Some(value) => format!("{value:?}"),
            None => "\"\"".to_owned(),
        };
        text += &format!("# {} = {value}\n", setting.key);
    }
    text
}

/// Lines of at most 100 characters.
fn wrapped(text: &str) -> Vec<String> {
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split(' ') {
        if !line.is_empty() && line.len() + word.len() >= 100 {
            lines.push(std::mem::take(&mut line));
        }
        line += if line.is_empty() { "" } else { " " };
        line += word;
    }
    lines.push(line);
    lines
}

/// The current value of a setting.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: &'static str,
    /// `None` if it has no value; a secret is not shown.
    pub(crate) value: Option<String>,
    /// The name of the value's source.
    pub(crate) source: String,
}

/// The current values of all settings, unchecked, and the settings file that was read.
pub(crate) fn entries(given: &FlagValues, file: Option<&Path>) -> Result<(Vec<Entry>, Option<PathBuf>), SettingError> {
    let sources = Sources::open(given, file)?;
    let path = sources.file().map(Path::to_owned);
    let entry = |setting: &'static Setting| {
        let (origin, value) = sources.find(setting);
        let source = match origin {
            SettingSource::Flag => format!("flag --{}", setting.flag()),
            SettingSource::Variable => format!("variable {}", setting.variable()),
            SettingSource::File => format!("file {}", path.as_deref().unwrap_or(Path::new("")).display()),
            SettingSource::Default if value.is_none() => format!("default: {}", setting.explained().1),
            SettingSource::Default => "default".to_owned(),
        };
        Entry { key: setting.key, value: value.map(|value| setting.shown(&value)), source }
    };
    Ok((ALL.into_iter().map(entry).collect(), path))
}
