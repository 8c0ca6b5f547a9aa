//! The list of settings as arguments of the command line. clap also reads the variable of a setting
//! if its flag is missing.

use std::collections::BTreeMap;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use super::list::ALL;
use super::setting::{Scope, Setting};

/// The values of flags and variables, by key. It is not `Debug`, because it may have the admin key.
#[derive(Clone, Default)]
pub(crate) struct FlagValues(BTreeMap<&'static str, (ValueSource, String)>);

impl FlagValues {
    fn collect(matches: &ArgMatches, settings: impl Iterator<Item = &'static Setting>) -> FlagValues {
        let value = |setting: &'static Setting| {
            let text = matches.try_get_one::<String>(setting.key).ok()??.clone();
            Some((setting.key, (matches.value_source(setting.key)?, text)))
        };
        FlagValues(settings.filter_map(value).collect())
    }

    /// Adds the values after the name of the subcommand. Of two flags the later one counts, and a
    /// flag overrides a variable.
    pub(crate) fn with(mut self, later: &FlagValues) -> FlagValues {
        for (key, value) in &later.0 {
            if self.0.get(key).is_none_or(|earlier| earlier.0 <= value.0) {
                self.0.insert(key, value.clone());
            }
        }
        self
    }

    /// The given value of a setting, and whether it is of a flag or of a variable.
    pub(super) fn get(&self, setting: &Setting) -> Option<(ValueSource, &str)> {
        self.0.get(setting.key).map(|(source, text)| (*source, text.as_str()))
    }

    pub(super) fn remove(&mut self, key: &str) -> bool {
        self.0.remove(key).is_some()
    }
}

/// All settings, for the program without a subcommand. The settings of every subcommand are also
/// accepted after its name.
pub(crate) struct ProgramFlags(pub(crate) FlagValues);

/// The settings of `serve` only, which the commands that check them also take.
#[derive(Default)]
pub(crate) struct ServeFlags(pub(crate) FlagValues);

fn serve_only() -> impl Iterator<Item = &'static Setting> {
    ALL.into_iter().filter(|setting| setting.scope == Scope::Serve)
}

fn argument(setting: &'static Setting) -> Arg {
    let default = (setting.default)().map(|default| format!(" [default: {default}]")).unwrap_or_default();
    let argument = Arg::new(setting.key)
        .long(setting.flag())
        .env(setting.variable())
        .hide_env_values(true)
        .value_name(setting.value_name)
        .help(format!("{}{default}", setting.help))
        .help_heading("Settings")
        .global(setting.scope == Scope::Every);
    if setting.is_switch() { argument.num_args(0..=1).require_equals(true).default_missing_value("true") } else { argument }
}

impl Args for ProgramFlags {
    fn augment_args(command: Command) -> Command {
        command.args(ALL.into_iter().map(argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ProgramFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(ProgramFlags(FlagValues::collect(matches, ALL.into_iter())))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for ServeFlags {
    fn augment_args(command: Command) -> Command {
        command.args(serve_only().map(argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ServeFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(ServeFlags(FlagValues::collect(matches, serve_only())))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
