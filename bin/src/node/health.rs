//! What `/readyz` tells: whether this node can do its work, and why not.

use paravox_domain::ports::Boxed;
use paravox_gateway::{Dependency, Health};
use paravox_projections::reader::{Activity, RunnerStatus};
use paravox_writer::Status;
use tokio::sync::watch;

/// The health of a node.
pub(super) struct NodeHealth {
    writer: watch::Receiver<Status>,
    readers: watch::Receiver<RunnerStatus>,
    has_standby: bool,
}

impl NodeHealth {
    /// Watches these. In a cluster a node that follows is as ready as one that leads.
    pub(super) const fn new(
        writer: watch::Receiver<Status>,
        readers: watch::Receiver<RunnerStatus>,
        has_standby: bool,
    ) -> Self {
        Self { writer, readers, has_standby }
    }

    fn writer(&self) -> Dependency {
        let (ready, reason) = match &*self.writer.borrow() {
            Status::Leader { position, .. } => (true, format!("leads at position {position}")),
            Status::Follower { position } => (self.has_standby, format!("follows at position {position}")),
            Status::Stopped { why } => (false, format!("stopped: {why}")),
        };
        Dependency { name: "writer".to_owned(), ready, reason: Some(reason) }
    }

    fn readers(&self) -> Dependency {
        let status = self.readers.borrow();
        let (ready, reason) = match &status.activity {
            Activity::Active => (true, format!("at position {}", status.slowest())),
            Activity::Passive => (true, format!("watches another node's, at position {}", status.slowest())),
            Activity::Starting => (false, "starting".to_owned()),
            Activity::Retrying { detail } => (false, format!("trying again: {detail}")),
            Activity::Stopped { detail } => (false, format!("stopped: {detail}")),
            Activity::Ended => (false, "ended".to_owned()),
        };
        Dependency { name: "readers".to_owned(), ready, reason: Some(reason) }
    }
}

impl Health for NodeHealth {
    fn check(&self) -> Boxed<'_, Vec<Dependency>> {
        Box::pin(std::future::ready(vec![self.writer(), self.readers()]))
    }
}
