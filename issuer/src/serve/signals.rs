//! The signals that ask the process to end.

use std::io;

/// A future that ends with the first SIGTERM or Ctrl-C.
///
/// The signals are taken over when this returns, not when the future is first polled: one that
/// comes in between isn't lost. Needs a tokio runtime, with I/O.
///
/// # Errors
///
/// If the operating system doesn't let the process handle its signals.
#[cfg(unix)]
pub fn termination() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// A future that ends with the first Ctrl-C.
///
/// # Errors
///
/// None: elsewhere than on Unix the signal is taken over when the future is first polled.
#[cfg(not(unix))]
pub fn termination() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without the signal there is nothing to wait for, and nothing to end for either.
            std::future::pending::<()>().await;
        }
    })
}
