//! Signals. The first SIGTERM or SIGINT starts an orderly end; the second one ends the program at
//! once. SIGHUP reloads the certificate and never ends the program, because a log rotation may send
//! it.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// Handles both signals, and returns a future that becomes ready with the first one. It handles
/// SIGHUP too.
///
/// A thread of its own watches the signals: the end of the server blocks its runtime while the last
/// events are committed, and a second signal must work during that time.
pub(crate) fn asked(reload: Option<impl Fn() + Send + 'static>) -> std::io::Result<impl Future<Output = ()>> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut terminate, mut interrupt, mut hangup) = {
        let _entered = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?)
    };
    let (ask, asked) = oneshot::channel::<()>();
    let watch = move || {
        runtime.block_on(async {
            tokio::select! {
                () = next(&mut terminate, &mut interrupt) => {}
                () = reload_always(&mut hangup, reload.as_ref()) => {}
            }
            tracing::info!("stopping: the server finishes accepted requests first");
            // Waking the server writes to a file descriptor, and the runtime panics if that fails.
            // A second signal must be watched all the same.
            if let Ok(Err(())) = catch_unwind(AssertUnwindSafe(|| ask.send(()))) {
                // The server has ended by itself.
                return;
            }
            next(&mut terminate, &mut interrupt).await;
            tracing::warn!("stopped at once by a second signal");
            std::process::exit(1);
        });
    };
    std::thread::Builder::new().name("audit-signals".to_owned()).spawn(watch)?;
    Ok(async {
        if asked.await.is_err() {
            // Without its watcher the server can only be killed, but this does not have to stop it.
            tracing::error!("the program no longer watches signals");
            pending::<()>().await;
        }
    })
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

async fn reload_always(hangup: &mut Signal, reload: Option<&impl Fn()>) {
    while hangup.recv().await.is_some() {
        match reload {
            Some(reload) => reload(),
            None => tracing::info!("SIGHUP: there is no certificate to read again"),
        }
    }
    pending::<()>().await;
}
