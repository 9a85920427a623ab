use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use ymir::{Error, ErrorKind, Result};

/// Whether the user asked the program to stop (Ctrl-C or SIGTERM).
#[derive(Debug, Clone)]
pub(crate) struct Interrupt {
    asked: watch::Receiver<bool>,
    busy: Arc<AtomicUsize>,
}

/// Says, while it lives, that something runs that must be ended properly before the program exits.
#[derive(Debug)]
pub(crate) struct Busy(Arc<AtomicUsize>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Interrupt {
    /// Listens to the signals from now on. The second one ends the program at once.
    pub(crate) fn install() -> Result<Self> {
        let failed = |e| {
            Error::new(ErrorKind::Unexpected, "cannot listen to Ctrl-C and SIGTERM").caused_by(e)
        };
        let mut int = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut term = signal(SignalKind::terminate()).map_err(failed)?;
        let (ask, asked) = watch::channel(false);
        tokio::spawn(async move {
            for ending in [false, true] {
                tokio::select! {
                    _ = int.recv() => {}
                    _ = term.recv() => {}
                }
                if ending {
                    std::process::exit(130);
                }
                // Nobody listens any more only when the program ends anyway.
                let _ = ask.send(true);
            }
        });
        Ok(Self { asked, busy: Arc::default() })
    }

    /// Returns whether the user asked to stop.
    pub(crate) fn is_set(&self) -> bool {
        *self.asked.borrow()
    }

    /// Waits until the user asks to stop.
    pub(crate) async fn wait(&self) {
        let mut asked = self.asked.clone();
        if asked.wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Says that something runs that must be ended properly.
    pub(crate) fn busy(&self) -> Busy {
        self.busy.fetch_add(1, Ordering::SeqCst);
        Busy(self.busy.clone())
    }

    /// Returns whether something runs that must be ended properly.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::SeqCst) > 0
    }
}

/// Returns the error of a command that the user stopped.
pub(crate) fn stopped() -> Error {
    Error::new(
        ErrorKind::Cancelled,
        "stopped; what was finished is kept, run the command again to go on",
    )
}
