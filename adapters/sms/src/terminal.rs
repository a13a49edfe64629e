//! Messages on the terminal, for the embedded mode: whoever runs the server reads the codes.
//!
//! Owns: the line that is shown.
//! Does not own: where it is shown; the program hands a function over. Not a log: lines of a log go on to other systems.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use paravox_domain::identity::E164;
use paravox_domain::ports::{Boxed, Sms, SmsError};

/// Keys of messages that are remembered, so that a repeat is shown once.
const KEYS_MAX: usize = 1_024;

/// Shows a line.
type Show = Arc<dyn Fn(&str) + Send + Sync>;

/// Shows messages on the terminal.
pub struct TerminalSms {
    show: Show,
    shown: Mutex<VecDeque<String>>,
}

impl TerminalSms {
    /// Shows each message as one line through this function.
    pub fn new(show: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { show: Arc::new(show), shown: Mutex::new(VecDeque::new()) }
    }

    /// Shows each message as one line on standard error.
    pub fn stderr() -> Self {
        Self::new(|line| {
            use std::io::Write as _;
            // Where standard error is closed, nobody reads.
            let _ = writeln!(std::io::stderr().lock(), "{line}");
        })
    }
}

impl Sms for TerminalSms {
    fn send<'a>(&'a self, key: &'a str, to: E164, text: &'a str) -> Boxed<'a, Result<(), SmsError>> {
        Box::pin(async move {
            let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
            if !shown.iter().any(|known| known == key) {
                if shown.len() >= KEYS_MAX {
                    shown.pop_front();
                }
                shown.push_back(key.to_owned());
                // One line, whatever is in the text.
                let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
                (self.show)(&format!("SMS to {to}: {text}"));
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn s10_a_code_is_shown_once_on_one_line() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&lines);
        let sms = TerminalSms::new(move |line| seen.lock().unwrap().push(line.to_owned()));
        let to = E164::parse("+442079460001").unwrap();
        for _ in 0..2 {
            sms.send("reg_1", to, "Your code:\n123456").await.unwrap();
        }
        sms.send("reg_2", to, "Your code: 654321").await.unwrap();
        let lines = lines.lock().unwrap();
        assert_eq!(
            *lines,
            ["SMS to +442079460001: Your code: 123456", "SMS to +442079460001: Your code: 654321"]
        );
    }
}
