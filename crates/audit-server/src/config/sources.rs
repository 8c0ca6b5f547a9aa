//! Where values come from: the defaults, over them the settings file, over that variables and flags.

use std::path::Path;

use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Value};
use figment::{Figment, Provider};

use super::flags::Given;
use super::list::{ALL, Setting};

/// The settings file that is read without being named, if it is there.
const DEFAULT_FILE: &str = "audit.toml";

/// Why the settings cannot be used; one sentence for the person who starts the program.
#[derive(Debug)]
pub(crate) struct SettingError(String);

impl std::fmt::Display for SettingError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SettingError {}

impl SettingError {
    /// A value that cannot be used: how the setting is called, what came, and what is wrong with that.
    pub(super) fn bad(setting: &Setting, value: &str, why: &str) -> SettingError {
        let came = match (setting.secret, value) {
            (true, _) => format!("has {} characters (not shown here)", value.chars().count()),
            (false, "") => "is empty".to_owned(),
            (false, value) => format!("is `{}`", value.escape_debug()),
        };
        SettingError(format!("{} {came}: {why}", setting.names()))
    }
}

/// The layers.
pub(super) struct Sources(Figment);

impl Sources {
    pub(super) fn open(given: &Given, file: Option<&Path>) -> Result<Sources, SettingError> {
        let defaults = ALL.into_iter().filter_map(|setting| Some((setting.key, (setting.default)()?)));
        let mut layers = Figment::from(Serialized::globals(defaults.collect::<std::collections::BTreeMap<_, _>>()));
        let file = file.or_else(|| Some(Path::new(DEFAULT_FILE)).filter(|path| path.exists()));
        if let Some(path) = file {
            layers = layers.merge(Serialized::globals(read(path)?));
        }
        Ok(Sources(layers.merge(Serialized::globals(given.texts()))))
    }

    /// The value, if there is one.
    pub(super) fn get<T>(&self, setting: &Setting, parse: fn(&str) -> Option<T>) -> Result<Option<T>, SettingError> {
        let Ok(value) = self.0.find_value(setting.key) else { return Ok(None) };
        let text = text_of(&value);
        let why = || format!("it must be {}", (setting.accepts)());
        parse(&text).map(Some).ok_or_else(|| SettingError::bad(setting, &text, &why()))
    }

    /// The value of a setting that has a default.
    pub(super) fn require<T>(&self, setting: &Setting, parse: fn(&str) -> Option<T>) -> Result<T, SettingError> {
        self.get(setting, parse)?.ok_or_else(|| SettingError(format!("{} is not given", setting.names())))
    }
}

/// The settings file. A key that means nothing is a mistake somebody would otherwise find out about much later.
fn read(path: &Path) -> Result<Dict, SettingError> {
    let name = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| SettingError(format!("the settings file `{name}` cannot be read: {error}")))?;
    let profiles = Toml::string(&text).data();
    let profiles = profiles
        .map_err(|error| SettingError(format!("the settings file `{name}` is no TOML: {}", one_line(&error.to_string()))))?;
    let keys: Dict = profiles.into_values().flatten().collect();
    match keys.keys().find(|key| ALL.iter().all(|setting| setting.key != key.as_str())) {
        Some(unknown) => {
            Err(SettingError(format!("the settings file `{name}` has a key `{unknown}`, which is no setting{}", hint(unknown))))
        }
        None => Ok(keys),
    }
}

/// The nearest key, where one is near enough to be meant.
fn hint(unknown: &str) -> String {
    let distance = |setting: &&Setting| strsim::damerau_levenshtein(setting.key, &unknown.to_lowercase().replace('-', "_"));
    match ALL.into_iter().min_by_key(distance) {
        Some(nearest) if distance(&nearest) <= nearest.key.len() / 2 => format!(": is `{}` meant?", nearest.key),
        _ => format!("; the settings are {}", ALL.map(|setting| setting.key).join(", ")),
    }
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
        Value::String(_, text) => text.clone(),
        Value::Bool(_, value) => value.to_string(),
        Value::Num(_, number) => match (number.to_i128(), number.to_f64()) {
            (Some(integer), _) => integer.to_string(),
            (None, Some(float)) => float.to_string(),
            (None, None) => "a number".to_owned(),
        },
        Value::Char(_, value) => value.to_string(),
        Value::Empty(..) => String::new(),
        Value::Dict(..) => "a table".to_owned(),
        Value::Array(..) => "an array".to_owned(),
    }
}
