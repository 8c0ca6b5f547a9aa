//! Signals. The orderly end: the first SIGTERM or SIGINT asks for it, the second one does not wait for it. SIGHUP has the
//! certificate read again, and never ends the program: a log rotation that sends it should not.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// Takes both signals over and returns what becomes ready with the first one. SIGHUP is taken over too.
///
/// They are watched on a thread of their own: the end of the server blocks its runtime while the last events are committed,
/// and a second signal has to get through just then.
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
            tracing::info!("stopping: accepted requests are finished first");
            // To wake the server is to write to a file descriptor, and the runtime panics where that fails: a second signal has to
            // be watched for all the same.
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
            // Without its watcher the server could only be killed; that is no reason to stop it.
            tracing::error!("signals are not watched any more");
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
            None => tracing::info!("SIGHUP: there is nothing to read again"),
        }
    }
    pending::<()>().await;
}
