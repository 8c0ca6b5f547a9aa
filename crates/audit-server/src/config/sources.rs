//! The sources of values: variables and flags override the settings file, which overrides the
//! defaults.

use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use toml::{Table, Value};

use super::flags::FlagValues;
use super::list::ALL;
use super::setting::Setting;

/// The settings file that the program reads without being asked, if it exists.
pub(crate) const DEFAULT_FILE: &str = "audit.toml";

/// The reason why the settings cannot be used: one sentence for the person who starts the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SettingError {
    pub(super) text: String,
    /// The key of the faulty setting, if the fault is of one setting.
    pub(super) key: Option<&'static str>,
}

impl std::fmt::Display for SettingError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for SettingError {}

impl SettingError {
    /// Makes the error of a bad value: the names of the setting, the value, and the fault.
    pub(super) fn bad(setting: &Setting, value: &str, why: &str) -> SettingError {
        let came = match (setting.secret, value) {
            (true, _) => format!("has {} characters (not shown here)", value.chars().count()),
            (false, "") => "is empty".to_owned(),
            (false, value) => format!("is `{}`", setting.shown(value).escape_debug()),
        };
        SettingError { text: format!("{} {came}: {why}", setting.names()), key: Some(setting.key) }
    }

    /// Whether the fault may hide which database is intended: it is in a setting of the database,
    /// or in a source that cannot be read.
    pub(crate) fn hides_the_database(&self) -> bool {
        self.key.is_none_or(|key| [super::list::DATABASE_URL.key, super::list::DATA_DIR.key].contains(&key))
    }

    /// Makes any other error.
    pub(crate) fn other(text: String) -> SettingError {
        SettingError { text, key: None }
    }
}

/// The source of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SettingSource {
    Flag,
    Variable,
    File,
    Default,
}

/// The sources in their order.
pub(super) struct Sources {
    flags: FlagValues,
    /// The settings file and its values.
    file: Option<(PathBuf, Table)>,
}

impl Sources {
    pub(super) fn open(flags: &FlagValues, file: Option<&Path>) -> Result<Sources, SettingError> {
        let (sources, faults) = Sources::open_all(flags, file);
        faults.into_iter().next().map_or(Ok(sources), Err)
    }

    /// Opens the usable sources, and returns every fault of the settings file as a whole.
    pub(super) fn open_all(flags: &FlagValues, file: Option<&Path>) -> (Sources, Vec<SettingError>) {
        let path = file.or_else(|| Some(Path::new(DEFAULT_FILE)).filter(|path| path.exists()));
        let flags = flags.clone();
        let Some(path) = path else { return (Sources { flags, file: None }, Vec::new()) };
        match read(path) {
            Ok((values, unknown)) => (Sources { flags, file: Some((path.to_owned(), values)) }, unknown),
            Err(error) => (Sources { flags, file: None }, vec![error]),
        }
    }

    /// The settings file that was read.
    pub(super) fn file(&self) -> Option<&Path> {
        self.file.as_ref().map(|(path, _)| path.as_path())
    }

    /// The current value of a setting and its source: flags and variables before the file, the file
    /// before the default.
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

    /// The parsed value, if there is one.
    pub(super) fn get<T>(&self, setting: &Setting, parse: fn(&str) -> Option<T>) -> Result<Option<T>, SettingError> {
        let (_, Some(text)) = self.find(setting) else { return Ok(None) };
        let why = || format!("it must be {}", (setting.accepts)());
        parse(&text).map(Some).ok_or_else(|| SettingError::bad(setting, &text, &why()))
    }

    /// The parsed value of a setting that has a default.
    pub(super) fn require<T>(&self, setting: &Setting, parse: fn(&str) -> Option<T>) -> Result<T, SettingError> {
        self.get(setting, parse)?.ok_or_else(|| SettingError::other(format!("{} is not given", setting.names())))
    }

    /// Continues as if a setting were not given. Returns `false` if it was not given.
    pub(super) fn forget(&mut self, key: &str) -> bool {
        let given = self.flags.remove(key);
        let in_file = self.file.as_mut().is_some_and(|(_, values)| values.remove(key).is_some());
        given || in_file
    }
}

/// Reads the settings file, and the faults of its keys. An unknown key is a mistake that would
/// otherwise be noticed much later.
fn read(path: &Path) -> Result<(Table, Vec<SettingError>), SettingError> {
    let name = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| SettingError::other(format!("the settings file `{name}` cannot be read: {error}")))?;
    let not_toml = |error: toml::de::Error| {
        SettingError::other(format!("the settings file `{name}` is not TOML: {}", one_line(&error.to_string())))
    };
    let keys: Table = text.parse().map_err(not_toml)?;
    let unknown = keys.keys().filter(|key| ALL.iter().all(|setting| setting.key != key.as_str()));
    let fault = |key: &String| {
        SettingError::other(format!("the settings file `{name}` has a key `{key}`, which is not a setting{}", hint(key)))
    };
    let unknown = unknown.map(fault).collect();
    Ok((keys, unknown))
}

/// Variables that look like settings but are not, each with a suggestion.
pub(crate) fn unknown_variables() -> Vec<String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let is_known = |name: &str| name == "AUDIT_CONFIG" || ALL.iter().any(|setting| setting.variable() == name);
    let mut unknown: Vec<String> = names.filter(|name| name.starts_with("AUDIT_") && !is_known(name)).collect();
    unknown.sort();
    let nearest =
        |name: &str| nearest(&name["AUDIT_".len()..]).map_or(String::new(), |near| format!(": did you mean {}?", near.variable()));
    unknown.into_iter().map(|name| format!("the variable {name} is not a setting{}", nearest(&name))).collect()
}

/// The nearest key, if one is near enough for a suggestion.
fn hint(unknown: &str) -> String {
    match nearest(unknown) {
        Some(nearest) => format!(": did you mean `{}`?", nearest.key),
        None => format!("; the settings are {}", ALL.map(|setting| setting.key).join(", ")),
    }
}

fn nearest(unknown: &str) -> Option<&'static Setting> {
    let distance = |setting: &&Setting| strsim::damerau_levenshtein(setting.key, &unknown.to_lowercase().replace('-', "_"));
    ALL.into_iter().min_by_key(distance).filter(|nearest| distance(nearest) <= nearest.key.len() / 2)
}

/// The parser's message on one line: it shows the place over several lines with the text, which may
/// be a secret, and its words are enough.
pub(super) fn one_line(error: &str) -> String {
    error
        .lines()
        .filter(|line| !line.contains('|'))
        .map(|line| line.trim_start_matches("TOML parse error ").trim())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Converts a value to the text that a flag would have.
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

/// Converts an array of texts to the list that a flag would have.
fn list_of(values: &[Value]) -> Option<String> {
    let texts: Option<Vec<&str>> = values.iter().map(Value::as_str).collect();
    texts.filter(|texts| !texts.is_empty()).map(|texts| texts.join(","))
}
