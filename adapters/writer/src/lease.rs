//! Leases: the one that is always held, and the task that keeps one.
//!
//! Owns: renewal, and the judgement that a lease is lost.
//! Does not own: who gets it ([`Lease`]).
//! Invariant: a lease counts as lost, at the latest, one term after the beginning of its last successful renewal.
//! Time: the runtime's clock, which does not jump.

use std::future;
use std::sync::Arc;
use std::time::Duration;

use paravox_domain::ports::{Boxed, Lease};
use paravox_domain::time::Span;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant as Moment, sleep, timeout_at};

/// The lease of a realm that only one process can write: always held.
#[derive(Clone, Copy, Debug, Default)]
pub struct AlwaysHeld;

impl Lease for AlwaysHeld {
    fn acquire(&self) -> Boxed<'_, ()> {
        Box::pin(future::ready(()))
    }

    fn renew(&self) -> Boxed<'_, bool> {
        Box::pin(future::ready(true))
    }

    fn release(&self) -> Boxed<'_, ()> {
        Box::pin(future::ready(()))
    }

    fn term(&self) -> Span {
        Span::seconds(60)
    }
}

/// How long giving a lease back may take; after that it ends by itself.
const RELEASE_WITHIN: Duration = Duration::from_secs(2);

/// Keeps a lease that was acquired, until it is dropped.
#[derive(Debug)]
pub(crate) struct Keeper {
    task: JoinHandle<()>,
    lost: watch::Receiver<bool>,
}

impl Keeper {
    /// Begins to renew.
    pub(crate) fn start(lease: Arc<dyn Lease>) -> Self {
        let (tell, lost) = watch::channel(false);
        let task = tokio::spawn(async move {
            keep(&*lease).await;
            tell.send_replace(true);
        });
        Self { task, lost }
    }

    /// A flag that is raised when the lease is lost.
    pub(crate) fn lost(&self) -> Flag {
        Flag(self.lost.clone())
    }

    /// Ends the renewal and gives the lease back.
    pub(crate) async fn give_back(self, lease: &dyn Lease) {
        self.task.abort();
        // An answer that does not come changes nothing: the lease ends by itself.
        let _ = tokio::time::timeout(RELEASE_WITHIN, lease.release()).await;
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A flag that somebody else raises.
#[derive(Clone, Debug)]
pub(crate) struct Flag(pub(crate) watch::Receiver<bool>);

impl Flag {
    /// Waits until it is raised, or nobody can raise it any more.
    pub(crate) async fn raised(&mut self) {
        let _ = self.0.wait_for(|raised| *raised).await;
    }
}

/// Renews until the lease is lost.
async fn keep(lease: &dyn Lease) {
    let term = Duration::from_micros(u64::try_from(lease.term().micros()).unwrap_or(0));
    let mut begun = Moment::now();
    loop {
        sleep(term / 3).await;
        let tried = Moment::now();
        match timeout_at(begun + term, lease.renew()).await {
            Ok(true) => begun = tried,
            Ok(false) | Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::timeout;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    /// A lease whose renewal succeeds so often, and then gives an answer, or none.
    #[derive(Debug)]
    struct Ending {
        renewals: AtomicUsize,
        then: Option<bool>,
    }

    impl Lease for Ending {
        fn acquire(&self) -> Boxed<'_, ()> {
            Box::pin(future::ready(()))
        }

        fn renew(&self) -> Boxed<'_, bool> {
            let left =
                self.renewals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            match (left, self.then) {
                (Ok(_), _) => Box::pin(future::ready(true)),
                (Err(_), Some(answer)) => Box::pin(future::ready(answer)),
                (Err(_), None) => Box::pin(future::pending()),
            }
        }

        fn release(&self) -> Boxed<'_, ()> {
            Box::pin(future::pending())
        }

        fn term(&self) -> Span {
            Span::millis(90)
        }
    }

    async fn lost_after(renewals: usize, then: Option<bool>) -> Duration {
        let begun = Moment::now();
        let keeper = Keeper::start(Arc::new(Ending { renewals: AtomicUsize::new(renewals), then }));
        timeout(LIMIT, keeper.lost().raised()).await.expect("it is lost");
        begun.elapsed()
    }

    #[tokio::test]
    async fn a_lease_is_lost_when_its_renewal_is_refused() {
        assert!(lost_after(2, Some(false)).await >= Duration::from_millis(90));
    }

    #[tokio::test]
    async fn a_lease_is_lost_one_term_after_the_last_renewal_if_no_answer_comes() {
        // One renewal after a third of the term, and the whole term from there.
        assert!(lost_after(1, None).await >= Duration::from_millis(30 + 90));
    }

    #[tokio::test]
    async fn giving_back_a_lease_does_not_wait_for_ever() {
        let lease = Arc::new(Ending { renewals: AtomicUsize::new(0), then: None });
        let keeper = Keeper::start(lease.clone());
        timeout(LIMIT, keeper.give_back(&*lease)).await.expect("it is bounded");
    }
}
