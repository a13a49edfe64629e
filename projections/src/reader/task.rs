//! A task in the background that can be ended cleanly.

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A reactor that was started.
#[derive(Debug)]
pub struct TaskHandle {
    what: &'static str,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl TaskHandle {
    /// Starts a task that ends when the token is cancelled.
    pub(crate) fn start<F>(what: &'static str, run: impl FnOnce(CancellationToken) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = CancellationToken::new();
        let task = tokio::spawn(run(stop.clone()));
        Self { what, stop, task }
    }

    /// Whether it has ended: because it was asked to, or because it cannot go on.
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Ends it, and waits until nothing of it is under way.
    pub async fn shutdown(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, what = self.what, "a reactor failed");
        }
    }
}
