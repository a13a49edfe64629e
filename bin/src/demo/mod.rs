//! `paravox demo`: the whole story, on an embedded server that begins and ends with it.
//!
//! Owns: starting the server in a temporary folder, the cast, telling each step and what it took.
//! Does not own: the story itself (`story`), nor anything that the server does: the demo uses the public interfaces only.
//! Invariant: a step that did not happen is not told; the last line and the exit code say the same.

mod narrator;
mod story;

use paravox_device::Server;

use self::narrator::Narrator;
use crate::cli::DemoArgs;
use crate::config::Config;
use crate::exit::Failure;
use crate::node::{Node, Outside};
use crate::output::Output;

/// Runs the demo.
pub async fn run(args: DemoArgs, output: Output) -> Result<(), Failure> {
    let folder = tempfile::Builder::new().prefix("paravox-demo-").tempdir().map_err(Failure::failed)?;
    let mut config = Config::default();
    folder.path().clone_into(&mut config.data.directory);
    config.http.listen = args.listen;
    "demo".clone_into(&mut config.realm);

    let outside = Outside::collecting();
    let node = Node::start(&config, &outside).await?;
    let narrator = Narrator::new(output);
    narrator.begin(&node.url(), folder.path());
    let server = Server::new(node.url()).map_err(Failure::failed)?;
    let told = story::tell(&server, &outside, &narrator).await;
    node.stop().await;

    let kept = if args.keep { Some(folder.keep()) } else { None };
    match told {
        Ok(rows) => {
            narrator.passed(&rows, kept.as_deref());
            Ok(())
        }
        Err(error) => {
            narrator.failed(&error.to_string());
            Err(Failure::Failed(format!("the demo failed: {error}")))
        }
    }
}
