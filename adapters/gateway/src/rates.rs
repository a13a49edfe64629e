//! Rates: how often somebody may ask (invariant 9; P3, T9).
//!
//! Owns: the limiters, each under what nobody can make up: an address, a credential, an identity.
//! Does not own: what is answered when a limit is reached beyond its problem.
//! Invariant: memory is bounded: keys that were quiet are forgotten; where even that does not help, the limit counts as
//! reached.
//! Time: the runtime's monotonic clock.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use paravox_domain::id::DeviceId;
use paravox_domain::identity::{Identity, LookupKey};
use paravox_domain::time::Span;

use crate::codes::GatewayCode;
use crate::config::RateConfig;
use crate::problem::Problem;

/// Keys that one limiter remembers.
const KEYS_MAX: usize = 1_000_000;

/// How often it is looked whether keys can be forgotten: each so many checks.
const LOOK_EVERY: u32 = 4_096;

const HOUR: Duration = Duration::from_hours(1);

/// One rate for each key.
struct Limiter<K: Hash + Eq + Clone> {
    name: &'static str,
    inner: Option<DefaultKeyedRateLimiter<K>>,
    clock: DefaultClock,
    checks: AtomicU32,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    fn new(name: &'static str, quota: Option<Quota>) -> Self {
        let inner = quota.map(RateLimiter::keyed);
        Self { name, inner, clock: DefaultClock::default(), checks: AtomicU32::new(0) }
    }

    /// Counts one; the time to wait if it is one too many.
    fn check(&self, key: &K) -> Result<(), Duration> {
        let Some(limiter) = &self.inner else { return Ok(()) };
        if self.checks.fetch_add(1, Ordering::Relaxed).is_multiple_of(LOOK_EVERY) {
            limiter.retain_recent();
            if limiter.len() > KEYS_MAX {
                metrics::counter!("paravox_rate_limited_total", "limit" => self.name).increment(1);
                return Err(Duration::from_secs(1));
            }
        }
        limiter.check_key(key).map_err(|refused| {
            metrics::counter!("paravox_rate_limited_total", "limit" => self.name).increment(1);
            refused.wait_time_from(self.clock.now())
        })
    }
}

/// All rates.
pub(crate) struct Rates {
    address: Limiter<u128>,
    device: Limiter<DeviceId>,
    service: Limiter<String>,
    identity_codes: Limiter<LookupKey>,
    address_codes: Limiter<u128>,
    prefix_codes: Limiter<String>,
    prefix_digits: usize,
}

fn per_second(rate: u32, burst: u32) -> Option<Quota> {
    let rate = NonZeroU32::new(rate)?;
    Some(Quota::per_second(rate).allow_burst(NonZeroU32::new(burst).unwrap_or(rate)))
}

fn per_hour(rate: u32) -> Option<Quota> {
    let rate = NonZeroU32::new(rate)?;
    Quota::with_period(HOUR / rate.get()).map(|quota| quota.allow_burst(rate))
}

fn span(wait: Duration) -> Span {
    Span(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX))
}

fn too_fast(wait: Duration) -> Problem {
    Problem::new(GatewayCode::TooFast, "slow down, and come back as `Retry-After` says").after(span(wait))
}

fn too_many_codes(wait: Duration) -> Problem {
    let detail =
        "too many codes were asked for: use the one that you have, or come back as `Retry-After` says";
    Problem::new(GatewayCode::CodesTooMany, detail).after(span(wait))
}

impl Rates {
    pub(crate) fn new(config: &RateConfig) -> Self {
        Self {
            address: Limiter::new("address", per_second(config.per_address_per_s, config.per_address_burst)),
            device: Limiter::new("device", per_second(config.per_device_per_s, config.per_device_burst)),
            service: Limiter::new("service", per_second(config.per_service_per_s, config.per_service_burst)),
            identity_codes: Limiter::new(
                "identity_codes",
                per_hour(config.registrations_per_identity_per_hour),
            ),
            address_codes: Limiter::new("address_codes", per_hour(config.registrations_per_address_per_hour)),
            prefix_codes: Limiter::new("prefix_codes", per_hour(config.registrations_per_prefix_per_hour)),
            prefix_digits: config.registration_prefix_digits,
        }
    }

    /// A request from an address.
    pub(crate) fn request_from(&self, subscriber: u128) -> Result<(), Problem> {
        self.address.check(&subscriber).map_err(too_fast)
    }

    /// A request with a device's credential.
    pub(crate) fn request_of_device(&self, device: DeviceId) -> Result<(), Problem> {
        self.device.check(&device).map_err(too_fast)
    }

    /// A request with a service's key.
    pub(crate) fn request_of_service(&self, name: &str) -> Result<(), Problem> {
        if self.service.inner.is_none() {
            return Ok(());
        }
        self.service.check(&name.to_owned()).map_err(too_fast)
    }

    /// A code for an identity, asked for from an address. The same for users and others (A8).
    pub(crate) fn code_for(
        &self,
        identity: &Identity,
        key: LookupKey,
        subscriber: u128,
    ) -> Result<(), Problem> {
        self.address_codes.check(&subscriber).map_err(too_many_codes)?;
        self.identity_codes.check(&key).map_err(too_many_codes)?;
        if let Identity::Number(number) = identity {
            let prefix: String = number.to_string().chars().skip(1).take(self.prefix_digits).collect();
            self.prefix_codes.check(&prefix).map_err(too_many_codes)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t9_an_identity_a_block_of_numbers_and_an_address_have_budgets_of_codes() {
        let config = RateConfig {
            registrations_per_identity_per_hour: 2,
            registrations_per_address_per_hour: 4,
            registrations_per_prefix_per_hour: 3,
            ..RateConfig::default()
        };
        let rates = Rates::new(&config);
        let ask = |text: &str, address| {
            let identity = Identity::parse(text).unwrap();
            let key = identity.key(&paravox_domain::digest::SecretKey([1; 32]));
            rates.code_for(&identity, key, address).map_err(|problem| problem.code())
        };
        assert_eq!(ask("+442079460001", 1), Ok(()));
        assert_eq!(ask("+442079460001", 2), Ok(()));
        assert_eq!(ask("+442079460001", 3), Err("PVX-4020"));
        assert_eq!(ask("+442079460002", 4), Ok(()));
        assert_eq!(ask("+442079460003", 5), Err("PVX-4020"), "the block's budget is used up");
        for number in ["+33123456781", "+49301234567", "+12025550123"] {
            assert_eq!(ask(number, 1), Ok(()));
        }
        assert_eq!(ask("+81312345678", 1), Err("PVX-4020"), "the address's budget is used up");
    }

    #[test]
    fn a_rate_of_0_is_none() {
        let rates = Rates::new(&RateConfig { per_address_per_s: 0, ..RateConfig::default() });
        assert!((0..10_000).all(|_| rates.request_from(7).is_ok()));
    }
}
