//! Where values come from: the defaults, over them the settings file, over that variables and flags.

use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use toml::{Table, Value};

use super::flags::FlagValues;
use super::list::ALL;
use super::setting::Setting;

/// The settings file that is read without being named, if it is there.
pub(crate) const DEFAULT_FILE: &str = "audit.toml";

/// Why the settings cannot be used; one sentence for the person who starts the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SettingError {
    pub(super) text: String,
    /// The setting that is to blame, if it is one.
    pub(super) key: Option<&'static str>,
}

impl std::fmt::Display for SettingError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for SettingError {}

impl SettingError {
    /// A value that cannot be used: how the setting is called, what came, and what is wrong with that.
    pub(super) fn bad(setting: &Setting, value: &str, why: &str) -> SettingError {
        let came = match (setting.secret, value) {
            (true, _) => format!("has {} characters (not shown here)", value.chars().count()),
            (false, "") => "is empty".to_owned(),
            (false, value) => format!("is `{}`", setting.shown(value).escape_debug()),
        };
        SettingError { text: format!("{} {came}: {why}", setting.names()), key: Some(setting.key) }
    }

    /// Whether the setting that is to blame may have said which database is meant: one of its own, or one that cannot be read.
    pub(crate) fn hides_the_database(&self) -> bool {
        self.key.is_none_or(|key| [super::list::DATABASE_URL.key, super::list::DATA_DIR.key].contains(&key))
    }

    /// Anything else.
    pub(crate) fn other(text: String) -> SettingError {
        SettingError { text, key: None }
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SettingSource {
    Flag,
    Variable,
    File,
    Default,
}

/// The layers.
pub(super) struct Sources {
    flags: FlagValues,
    /// The settings file, and what it says.
    file: Option<(PathBuf, Table)>,
}

impl Sources {
    pub(super) fn open(flags: &FlagValues, file: Option<&Path>) -> Result<Sources, SettingError> {
        let (sources, faults) = Sources::open_all(flags, file);
        faults.into_iter().next().map_or(Ok(sources), Err)
    }

    /// What can be used of the sources, and every fault of the settings file as a whole.
    pub(super) fn open_all(flags: &FlagValues, file: Option<&Path>) -> (Sources, Vec<SettingError>) {
        let path = file.or_else(|| Some(Path::new(DEFAULT_FILE)).filter(|path| path.exists()));
        let flags = flags.clone();
        let Some(path) = path else { return (Sources { flags, file: None }, Vec::new()) };
        match read(path) {
            Ok((values, unknown)) => (Sources { flags, file: Some((path.to_owned(), values)) }, unknown),
            Err(error) => (Sources { flags, file: None }, vec![error]),
        }
    }

    /// The settings file that is read.
    pub(super) fn file(&self) -> Option<&Path> {
        self.file.as_ref().map(|(path, _)| path.as_path())
    }

    /// What counts for a setting, and who says so: flags and variables before the file, the file before the default.
    pub(super) fn find(&self, setting: &Setting) -> (SettingSource, Option<String>) {
        if let Some((source, text)) = self.flags.get(setting) {
            let origin = if source == ValueSource::CommandLine { SettingSource::Flag } else { SettingSource::Variable };
            return (origin, Some(text.to_owned()));
        }
        match self.file.as_ref().and_then(|(_, values)| values.get(setting.key)) {
            Some(value) => (SettingSource::File, Some(text_of(value))),
            None => (SettingSource::Default, (setting.default)()),
        }
    }

    /// The value, if there is one.
    pub(super) fn get<T>(&self, setting: &Setting, parse: fn(&str) -> Option<T>) -> Result<Option<T>, SettingError> {
        let (_, Some(text)) = self.find(setting) else { return Ok(None) };
        let why = || format!("it must be {}", (setting.accepts)());
        parse(&text).map(Some).ok_or_else(|| SettingError::bad(setting, &text, &why()))
    }

    /// The value of a setting that has a default.
    pub(super) fn require<T>(&self, setting: &Setting, parse: fn(&str) -> Option<T>) -> Result<T, SettingError> {
        self.get(setting, parse)?.ok_or_else(|| SettingError::other(format!("{} is not given", setting.names())))
    }

    /// Goes on as if a setting were not given. `false` when it is not.
    pub(super) fn forget(&mut self, key: &str) -> bool {
        let given = self.flags.remove(key);
        let in_file = self.file.as_mut().is_some_and(|(_, values)| values.remove(key).is_some());
        given || in_file
    }
}

/// The settings file, and what is wrong with its keys. A key that means nothing is a mistake somebody would otherwise find out
/// about much later.
fn read(path: &Path) -> Result<(Table, Vec<SettingError>), SettingError> {
    let name = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| SettingError::other(format!("the settings file `{name}` cannot be read: {error}")))?;
    let no_toml = |error: toml::de::Error| {
        SettingError::other(format!("the settings file `{name}` is no TOML: {}", one_line(&error.to_string())))
    };
    let keys: Table = text.parse().map_err(no_toml)?;
    let unknown = keys.keys().filter(|key| ALL.iter().all(|setting| setting.key != key.as_str()));
    let fault = |key: &String| {
        SettingError::other(format!("the settings file `{name}` has a key `{key}`, which is not a setting{}", hint(key)))
    };
    let unknown = unknown.map(fault).collect();
    Ok((keys, unknown))
}

/// Variables that look like settings and are none, each with what may be meant.
pub(crate) fn unknown_variables() -> Vec<String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let is_known = |name: &str| name == "AUDIT_CONFIG" || ALL.iter().any(|setting| setting.variable() == name);
    let mut unknown: Vec<String> = names.filter(|name| name.starts_with("AUDIT_") && !is_known(name)).collect();
    unknown.sort();
    let nearest =
        |name: &str| nearest(&name["AUDIT_".len()..]).map_or(String::new(), |near| format!(": is {} meant?", near.variable()));
    unknown.into_iter().map(|name| format!("the variable {name} is not a setting{}", nearest(&name))).collect()
}

/// The nearest key, where one is near enough to be meant.
fn hint(unknown: &str) -> String {
    match nearest(unknown) {
        Some(nearest) => format!(": is `{}` meant?", nearest.key),
        None => format!("; the settings are {}", ALL.map(|setting| setting.key).join(", ")),
    }
}

fn nearest(unknown: &str) -> Option<&'static Setting> {
    let distance = |setting: &&Setting| strsim::damerau_levenshtein(setting.key, &unknown.to_lowercase().replace('-', "_"));
    ALL.into_iter().min_by_key(distance).filter(|nearest| distance(nearest) <= nearest.key.len() / 2)
}

/// The parser draws the place over several lines (with the text, which may be a secret); the words are enough.
fn one_line(error: &str) -> String {
    error
        .lines()
        .filter(|line| !line.contains('|'))
        .map(|line| line.trim_start_matches("TOML parse error ").trim())
        .collect::<Vec<_>>()
        .join(" ")
}

/// A value as if it had come from a flag.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Boolean(value) => value.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Datetime(at) => at.to_string(),
        Value::Table(_) => "a table".to_owned(),
        Value::Array(values) => list_of(values).unwrap_or_else(|| "an array".to_owned()),
    }
}

/// Texts in an array, as a flag would list them.
fn list_of(values: &[Value]) -> Option<String> {
    let texts: Option<Vec<&str>> = values.iter().map(Value::as_str).collect();
    texts.filter(|texts| !texts.is_empty()).map(|texts| texts.join(","))
}
