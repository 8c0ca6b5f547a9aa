//! Every page that has something to run, and the proof that none is forgotten.

use crate::page::run_page;

#[test]
fn the_readme_can_be_pasted() {
    run_page("README.md");
}

#[test]
fn the_http_contract_can_be_pasted() {
    run_page("docs/api.md");
}
