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

/// While the value lives, a file that may not grow (`RLIMIT_FSIZE`) is an error for whoever writes
/// to it, and not the end of the process.
///
/// # Errors
///
/// If the operating system doesn't let the process handle its signals.
#[cfg(unix)]
pub fn outlive_file_limits() -> io::Result<impl Send> {
    /// SIGXFSZ, on Linux and macOS.
    const FILE_SIZE: i32 = 25;
    use tokio::signal::unix::{SignalKind, signal};

    signal(SignalKind::from_raw(FILE_SIZE))
}

/// There is no such signal elsewhere.
///
/// # Errors
///
/// None.
#[cfg(not(unix))]
pub fn outlive_file_limits() -> io::Result<impl Send> {
    Ok(())
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
