//! What the service and the image of `examples/deploy` start the server with: settings that exist, and that production mode takes.

use std::fs;

use crate::common::{Ended, program, run};
use crate::page::root;

fn read(name: &str) -> String {
    fs::read_to_string(root().join("examples/deploy").join(name)).unwrap()
}

/// What the check of the settings says about these variables.
fn check(variables: &[(&str, &str)]) -> Ended {
    assert!(!variables.is_empty());
    let directory = tempfile::tempdir().unwrap();
    run(program(directory.path()).args(["config", "check"]).envs(variables.iter().copied()))
}

#[test]
fn the_service_starts_the_server_with_settings_of_production() {
    let unit = read("audit-server.service");
    let variables: Vec<(&str, &str)> = unit.lines().filter_map(|line| line.strip_prefix("Environment=")?.split_once('=')).collect();
    assert!(variables.contains(&("AUDIT_PRODUCTION", "true")));
    let checked = check(&variables);
    assert_eq!((checked.stderr.as_str(), checked.code), ("", Some(0)));
    assert!(unit.contains("\nExecStart=/usr/local/bin/audit-server serve\n"));
}

#[test]
fn the_image_starts_the_server_with_settings_that_exist() {
    let dockerfile = read("Dockerfile");
    let words = dockerfile.split_whitespace().filter(|word| word.starts_with("AUDIT_"));
    let variables: Vec<(&str, &str)> = words.filter_map(|word| word.split_once('=')).collect();
    let checked = check(&variables);
    assert_eq!(checked.code, Some(0));
    // In a container the address is the container's; what reaches it, the one who runs the container decides.
    let warnings: Vec<&str> = checked.stderr.lines().collect();
    assert!(matches!(warnings[..], [only] if only.contains("`0.0.0.0:8080`")), "{warnings:?}");
    for copied in dockerfile.lines().filter_map(|line| line.strip_prefix("COPY ")).filter(|line| !line.starts_with("--from")) {
        let (sources, _) = copied.rsplit_once(' ').unwrap();
        sources.split(' ').for_each(|source| assert!(root().join(source).exists(), "{source}"));
    }
}
