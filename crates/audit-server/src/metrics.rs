//! Records the measurements of the server for `/metrics`. `docs/metrics.md` explains each name.

use std::time::Duration;

use anyhow::Context;
use audit_http::Metrics;
use audit_http::store::domain::{Stream, Timestamp};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// The measurements of the crates below, with their help texts.
const HELP: [(Kind, &str, &str); 25] = [
    (Kind::Counter, "audit_appended_entries_total", "Entries that were committed to a log, by stream."),
    (Kind::Histogram, "audit_append_batch_entries", "Entries of one transaction of a writer."),
    (Kind::Histogram, "audit_append_batch_seconds", "Time from the start of such a transaction to the end of its commit."),
    (Kind::Counter, "audit_append_failed_batches_total", "Transactions of appends that the database refused."),
    (Kind::Counter, "audit_clock_jumps_total", "Times that the clock jumped ahead by more than a minute while the server ran."),
    (Kind::Counter, "audit_clock_out_of_range_total", "Readings of the clock that cannot be right."),
    (Kind::Gauge, "audit_log_ahead_of_clock_seconds", "How far the last entry of a log is ahead of the clock, at most."),
    (Kind::Gauge, "audit_append_queue_requests", "Append requests that wait for a writer."),
    (Kind::Histogram, "audit_http_request_seconds", "Time from the head of a request to the head of its answer."),
    (Kind::Counter, "audit_http_queries_refused_total", "Queries that found too many of the same key running or waiting."),
    (Kind::Counter, "audit_http_queries_cancelled_total", "Queries whose client was gone before they ended."),
    (Kind::Gauge, "audit_database_bytes", "Size of the database."),
    (Kind::Gauge, "audit_database_wal_bytes", "Size of the file of an embedded database that has its newest entries."),
    (Kind::Gauge, "audit_log_entries", "Entries of a log, by channel and stream."),
    (Kind::Gauge, "audit_index_lag_entries", "Entries of a log that the search index waits for, by channel and stream."),
    (Kind::Gauge, "audit_index_lag_seconds", "Age of the oldest of these entries, by channel and stream."),
    (Kind::Gauge, "audit_tree_lag_entries", "Entries of a log that its tree does not have yet, by channel and stream."),
    (Kind::Gauge, "audit_checkpoint_lag_entries", "Entries of a tree that no signed checkpoint has yet, by channel and stream."),
    (Kind::Gauge, "audit_signs", "1 if this server holds all keys of the database and signs checkpoints, 0 if not."),
    (Kind::Gauge, "audit_refused_logs", "Logs that do not extend their newest checkpoint, to which nothing is appended."),
    (Kind::Counter, "audit_scrub_entries_total", "Entries that the scrub compared."),
    (Kind::Gauge, "audit_scrub_findings", "Differences that the last complete scrub found in the database."),
    (Kind::Gauge, "audit_scrub_last_pass_timestamp_seconds", "When the last complete scrub ended."),
    (Kind::Gauge, "audit_cosignature_age_seconds", "Age of the newest cosignature of the root log, by witness."),
    (Kind::Gauge, CERTIFICATE_EXPIRES, "When the first certificate of the server's chain expires."),
];

/// In seconds since the epoch, which is Prometheus's unit of instants.
const CERTIFICATE_EXPIRES: &str = "audit_tls_certificate_expires_timestamp_seconds";

enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Buckets in seconds: an append is about a commit on a disk, a list about a query.
const SECONDS: [f64; 13] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Buckets of entries, up to the largest batch.
const ENTRIES: [f64; 9] = [1.0, 2.0, 5.0, 10.0, 50.0, 100.0, 500.0, 1000.0, 10_000.0];

/// Until `/metrics` is read, single measurements pile up. This is the interval at which they go
/// into their buckets.
const UPKEEP: Duration = Duration::from_secs(5);

/// Starts recording, once in a process, before any measurement.
pub(crate) fn start() -> anyhow::Result<(Metrics, PrometheusHandle)> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_entries".to_owned()), &ENTRIES)?;
    let recorder = builder.install_recorder().context("metrics cannot be recorded")?;
    for (kind, name, help) in HELP {
        match kind {
            Kind::Counter => metrics::describe_counter!(name, help),
            Kind::Gauge => metrics::describe_gauge!(name, help),
            Kind::Histogram => metrics::describe_histogram!(name, help),
        }
    }
    // These exist from the start. Otherwise no alert would see a rise from nothing to one.
    for counter in [
        "audit_append_failed_batches_total",
        "audit_clock_jumps_total",
        "audit_clock_out_of_range_total",
        "audit_http_queries_refused_total",
        "audit_http_queries_cancelled_total",
        "audit_scrub_entries_total",
    ] {
        metrics::counter!(counter).absolute(0);
    }
    for stream in [Stream::Events, Stream::ActionLogs] {
        metrics::counter!("audit_appended_entries_total", "stream" => stream.name()).absolute(0);
    }
    let rendering = recorder.clone();
    Ok((Metrics::new(move || rendering.render()), recorder))
}

/// Records when the current certificate expires.
pub(crate) fn certificate_expires(at: Option<Timestamp>) {
    if let Some(at) = at {
        metrics::gauge!(CERTIFICATE_EXPIRES).set((at.micros() / 1_000_000) as f64);
    }
}

/// Bounds the memory of measurements, as long as it is polled.
pub(crate) async fn upkeep(recorder: PrometheusHandle) {
    loop {
        tokio::time::sleep(UPKEEP).await;
        recorder.run_upkeep();
    }
}
