//! Every page that has something to run, and the proof that none is forgotten.

use std::fs;

use crate::outsider;
use crate::page::{root, run_page, run_page_with};

#[test]
fn the_readme_can_be_pasted() {
    run_page("README.md");
}

#[test]
fn the_quickstart_can_be_pasted() {
    run_page("docs/quickstart.md");
}

#[test]
fn what_operations_say_can_be_pasted() {
    run_page("docs/operations.md");
}

#[test]
fn what_verify_checks_can_be_pasted() {
    run_page("docs/verify.md");
}

#[test]
fn programs_of_others_verify_as_their_page_says() {
    let page = "docs/verify-with-other-tools.md";
    let text = fs::read_to_string(root().join(page)).unwrap();
    for package in outsider::PACKAGES {
        assert!(text.contains(package), "{page} does not install {package}");
    }
    run_page_with(page, &[("AUDIT_PUBLIC_LOG", "true")], &outsider::bin());
}

#[test]
fn the_http_contract_can_be_pasted() {
    run_page("docs/api.md");
}

#[test]
fn events_can_be_sent_from_a_shell() {
    run_page("docs/guides/send-from-curl.md");
}

#[test]
fn events_can_be_sent_from_python() {
    run_page("docs/guides/send-from-python.md");
}

#[test]
fn events_can_be_sent_from_django() {
    run_page("docs/guides/send-from-django.md");
}

#[test]
fn events_can_be_sent_from_node() {
    run_page("docs/guides/send-from-node.md");
}

#[test]
fn events_can_be_sent_from_rust() {
    run_page("docs/guides/send-from-rust.md");
}

#[test]
fn clients_of_the_published_apis_can_be_pasted() {
    run_page("docs/guides/read-as-published.md");
}

#[test]
fn the_log_can_be_embedded() {
    run_page("docs/guides/embed.md");
}

#[test]
fn no_guide_is_forgotten() {
    for guide in fs::read_dir(root().join("docs/guides")).unwrap() {
        let name = guide.unwrap().file_name().into_string().unwrap();
        let call = format!("run_page(\"docs/guides/{name}\")");
        assert!(include_str!("pages.rs").contains(&call), "{name} is not run by any test");
    }
}
