//! What a node finds outside of itself, apart from servers: where short messages go.
//!
//! Owns: the choice for a demo, a benchmark and a test. A node that serves gets it from its configuration.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use paravox_domain::identity::E164;
use paravox_domain::ports::{Boxed, Sms, SmsError};
use tokio::sync::Notify;

/// Messages that nobody has looked at are dropped beyond this number, oldest first.
const MESSAGES_MAX: usize = 10_000;

/// What is outside.
#[derive(Clone)]
pub struct Outside {
    /// Where short messages go.
    pub sms: Arc<dyn Sms>,
    inbox: Option<Arc<Inbox>>,
}

/// The short messages of everybody.
#[derive(Default)]
struct Inbox {
    messages: Mutex<VecDeque<(String, String)>>,
    news: Notify,
}

impl Outside {
    /// Short messages are collected, for somebody who plays all the people.
    pub fn collecting() -> Self {
        let inbox = Arc::new(Inbox::default());
        Self { sms: Arc::clone(&inbox) as Arc<dyn Sms>, inbox: Some(inbox) }
    }

    /// Short messages go nowhere: for benchmarks, which derive the codes.
    pub fn silent() -> Self {
        Self { sms: Arc::new(Nowhere), inbox: None }
    }

    /// Short messages go through this.
    pub fn with_sms(sms: Arc<dyn Sms>) -> Self {
        Self { sms, inbox: None }
    }

    /// The code in the next short message to a number, if one comes within the limit and messages are collected.
    pub async fn code(&self, number: &str, limit: Duration) -> Option<String> {
        let inbox = self.inbox.as_ref()?;
        let text = tokio::time::timeout(limit, inbox.take(number)).await.ok()?;
        let digits: String = text.chars().filter(char::is_ascii_digit).take(6).collect();
        (digits.len() == 6).then_some(digits)
    }
}

impl Inbox {
    async fn take(&self, number: &str) -> String {
        loop {
            // Before looking, so that a message between the look and the wait wakes it.
            let news = self.news.notified();
            {
                let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
                let found = messages.iter().position(|(to, _)| to == number);
                if let Some((_, text)) = found.and_then(|at| messages.remove(at)) {
                    return text;
                }
            }
            news.await;
        }
    }
}

impl Sms for Inbox {
    fn send<'a>(&'a self, _: &'a str, to: E164, text: &'a str) -> Boxed<'a, Result<(), SmsError>> {
        let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        if messages.len() >= MESSAGES_MAX {
            messages.pop_front();
        }
        messages.push_back((to.to_string(), text.to_owned()));
        drop(messages);
        self.news.notify_waiters();
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Takes every message and forgets it.
struct Nowhere;

impl Sms for Nowhere {
    fn send<'a>(&'a self, _: &'a str, _: E164, _: &'a str) -> Boxed<'a, Result<(), SmsError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
