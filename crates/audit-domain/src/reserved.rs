//! The names of entries that only the log itself makes.

use crate::error::Fault;
use crate::json::JsonText;
use crate::parse::ParseMode;

/// The action of the event that says what is erased. In the stream of action logs, it is the name of
/// the logger.
pub const ERASE: &str = "AUDIT.ERASE";

/// The names that only this service gives to entries: [`ERASE`], and the event that begins a new origin.
pub const RESERVED: [&str; 2] = [ERASE, "AUDIT.ORIGIN"];

/// Whether a JSON text is one of the [`RESERVED`] names.
pub(crate) fn is_reserved(name: &JsonText) -> bool {
    name.decoded().is_some_and(|name| name.as_str().is_some_and(|name| RESERVED.contains(&name)))
}

/// The fault of a record with a name that only the log itself gives.
pub(crate) fn reserved(name: Option<&JsonText>, mode: ParseMode) -> Option<Fault> {
    name.filter(|name| !mode.takes_exported && is_reserved(name)).map(|_| Fault::Reserved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fault_lists_the_names() {
        assert!(Fault::Reserved.to_string().contains(&RESERVED.join(", ")));
        let of = |text: &str| reserved(Some(&JsonText::string(text)), ParseMode::NATIVE);
        assert_eq!((of("AUDIT.ERASE"), of("AUDIT.LOGIN")), (Some(Fault::Reserved), None));
        assert_eq!(reserved(Some(&JsonText::string(ERASE)), ParseMode::IMPORT), None);
    }
}
