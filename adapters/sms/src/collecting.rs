//! Messages in memory, for tests and the demo: what would have been sent.
//!
//! Owns: the list, and waiting for a message.

use std::sync::{Mutex, MutexGuard, PoisonError};

use paravox_domain::identity::E164;
use paravox_domain::ports::{Boxed, Sms, SmsError};
use tokio::sync::Notify;

/// A message that would have been sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collected {
    /// The key: the same on every try.
    pub key: String,
    /// To whom.
    pub to: E164,
    /// The text.
    pub text: String,
}

impl Collected {
    /// The first run of six digits in the text: the code.
    pub fn code(&self) -> Option<&str> {
        self.text.split(|c: char| !c.is_ascii_digit()).find(|run| run.len() == 6)
    }
}

/// Collects messages.
#[derive(Debug, Default)]
pub struct CollectingSms {
    messages: Mutex<Vec<Collected>>,
    news: Notify,
}

impl CollectingSms {
    /// What was sent so far, each key once.
    pub fn messages(&self) -> Vec<Collected> {
        self.lock().clone()
    }

    /// Waits for the message with this key. Without a limit: the caller sets one.
    pub async fn wait_for(&self, key: &str) -> Collected {
        loop {
            let news = self.news.notified();
            let found = self.lock().iter().find(|message| message.key == key).cloned();
            if let Some(message) = found {
                return message;
            }
            news.await;
        }
    }

    /// Waits for the n-th message (0 is the first) to this number. Without a limit: the caller sets one.
    pub async fn wait_for_number(&self, to: E164, n: usize) -> Collected {
        loop {
            let news = self.news.notified();
            let found = self.lock().iter().filter(|message| message.to == to).nth(n).cloned();
            if let Some(message) = found {
                return message;
            }
            news.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Collected>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sms for CollectingSms {
    fn send<'a>(&'a self, key: &'a str, to: E164, text: &'a str) -> Boxed<'a, Result<(), SmsError>> {
        Box::pin(async move {
            let mut messages = self.lock();
            if !messages.iter().any(|message| message.key == key) {
                messages.push(Collected { key: key.to_owned(), to, text: text.to_owned() });
            }
            drop(messages);
            self.news.notify_waiters();
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn i5_a_message_that_is_sent_twice_is_there_once() {
        let sms = CollectingSms::default();
        let to = E164::parse("+442079460001").unwrap();
        sms.send("reg_1", to, "Your Paravox code is 123456.").await.unwrap();
        sms.send("reg_1", to, "Your Paravox code is 123456.").await.unwrap();
        assert_eq!(sms.messages().len(), 1);
        assert_eq!(sms.wait_for("reg_1").await.code(), Some("123456"));
        assert_eq!(sms.wait_for_number(to, 0).await.key, "reg_1");
    }
}
