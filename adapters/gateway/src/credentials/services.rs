//! Service keys: automated systems that may report calls, each for the identities that the configuration gives it.
//!
//! Owns: which key is whose, and for whom its service may speak (invariant 7).
//! Does not own: the keys. The configuration holds digests; a key is at least 32 random characters behind `pvs_`, so that
//! a digest of it tells nothing.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use paravox_domain::digest::Digest;
use paravox_domain::identity::{E164, Identity};

use crate::config::ServiceConfig;

/// What every service key begins with.
pub(crate) const KEY_PREFIX: &str = "pvs_";

/// The shortest key that is looked at, prefix included.
const KEY_BYTES_MIN: usize = 36;

/// Why the configured services cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServicesError {
    /// A name is not as it must be.
    #[error("`{name}` is no name for a service: 1 to 64 of a-z, 0-9 and -")]
    BadName {
        /// The name.
        name: String,
    },
    /// Two services have one name.
    #[error("two services are named `{name}`")]
    SameName {
        /// The name.
        name: String,
    },
    /// A digest is not 64 hexadecimal digits, or two services have the same key.
    #[error(
        "service `{name}`: its key digests are 64 lower-case hexadecimal digits each, at least one, and no other service's"
    )]
    BadDigest {
        /// The service.
        name: String,
    },
    /// A prefix or identity is not one.
    #[error(
        "service `{name}`: `number_prefixes` are + and 1 to 15 digits, `identities` are identities in full"
    )]
    BadScope {
        /// The service.
        name: String,
    },
}

/// An automated system.
pub(crate) struct Service {
    /// Its name.
    pub(crate) name: String,
    prefixes: Vec<String>,
    identities: Vec<Identity>,
}

impl Service {
    /// Whether it may speak for this identity.
    pub(crate) fn may_speak_for(&self, identity: &Identity) -> bool {
        let by_prefix = |number: &E164| {
            let text = number.to_string();
            self.prefixes.iter().any(|prefix| text.starts_with(prefix))
        };
        self.identities.contains(identity)
            || matches!(identity, Identity::Number(number) if by_prefix(number))
    }
}

/// The services, by the digests of their keys.
#[derive(Default)]
pub struct Services {
    by_digest: HashMap<Digest, Arc<Service>>,
}

/// Shows how many there are.
impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Services({} keys)", self.by_digest.len())
    }
}

impl Services {
    /// The services of a configuration.
    pub fn new(configured: &[ServiceConfig]) -> Result<Self, ServicesError> {
        let mut services = Self::default();
        let mut names = Vec::new();
        for ServiceConfig { name, key_digests, number_prefixes, identities } in configured {
            let name_fits = (1..=64).contains(&name.len())
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
            if !name_fits {
                return Err(ServicesError::BadName { name: name.clone() });
            }
            if names.contains(&name) {
                return Err(ServicesError::SameName { name: name.clone() });
            }
            names.push(name);
            let prefix_fits = |prefix: &String| {
                prefix.strip_prefix('+').is_some_and(|digits| {
                    (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
                })
            };
            let parsed: Result<Vec<Identity>, _> =
                identities.iter().map(|text| Identity::parse(text)).collect();
            let (true, Ok(identities)) = (number_prefixes.iter().all(prefix_fits), parsed) else {
                return Err(ServicesError::BadScope { name: name.clone() });
            };
            let service = Service { name: name.clone(), prefixes: number_prefixes.clone(), identities };
            let service = Arc::new(service);
            if key_digests.is_empty() {
                return Err(ServicesError::BadDigest { name: name.clone() });
            }
            for text in key_digests {
                let bad = || ServicesError::BadDigest { name: name.clone() };
                let digest = text.parse().map_err(|_| bad())?;
                if services.by_digest.insert(digest, Arc::clone(&service)).is_some() {
                    return Err(bad());
                }
            }
        }
        Ok(services)
    }

    /// The digest of a key, as it stands in the configuration.
    pub fn digest_of(key: &str) -> Digest {
        Digest::of(key.as_bytes())
    }

    /// Whose key this is.
    pub(crate) fn find(&self, key: &str) -> Option<Arc<Service>> {
        if !key.starts_with(KEY_PREFIX) || !(KEY_BYTES_MIN..=256).contains(&key.len()) {
            return None;
        }
        self.by_digest.get(&Self::digest_of(key)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "pvs_0123456789abcdef0123456789abcdef";

    fn config() -> ServiceConfig {
        ServiceConfig {
            name: "ivr".to_owned(),
            key_digests: vec![Services::digest_of(KEY).to_string(), Services::digest_of("next").to_string()],
            number_prefixes: vec!["+4420794600".to_owned()],
            identities: vec!["sip:desk@example.org".to_owned()],
        }
    }

    #[test]
    fn i7_a_service_speaks_for_what_it_was_given_and_for_nobody_else() {
        let services = Services::new(&[config()]).unwrap();
        let service = services.find(KEY).unwrap();
        let may = |text: &str| service.may_speak_for(&Identity::parse(text).unwrap());
        assert!(may("+442079460001"));
        assert!(may("sip:desk@EXAMPLE.org"));
        assert!(!may("+442079470001"));
        assert!(!may("sip:boss@example.org"));
        assert!(services.find("pvs_0123456789abcdef0123456789abcdeX").is_none());
        assert!(services.find("next").is_none(), "a key without the prefix is none");
    }

    #[test]
    fn what_is_configured_wrongly_is_told() {
        let wrong = |change: fn(&mut ServiceConfig)| {
            let mut config = config();
            change(&mut config);
            Services::new(&[config]).unwrap_err()
        };
        assert!(matches!(wrong(|c| c.name = "IVR".to_owned()), ServicesError::BadName { .. }));
        assert!(matches!(wrong(|c| c.key_digests.clear()), ServicesError::BadDigest { .. }));
        assert!(matches!(wrong(|c| c.key_digests[0] = "00".to_owned()), ServicesError::BadDigest { .. }));
        assert!(matches!(wrong(|c| c.number_prefixes[0] = "44".to_owned()), ServicesError::BadScope { .. }));
        assert!(matches!(wrong(|c| c.identities[0] = "desk".to_owned()), ServicesError::BadScope { .. }));
        assert!(matches!(Services::new(&[config(), config()]), Err(ServicesError::SameName { .. })));
    }
}
