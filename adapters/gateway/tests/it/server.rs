//! A gateway on a loopback port, and clients that speak to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use paravox_domain::digest::SecretKey;
use paravox_domain::id::{DeviceId, RegistrationId};
use paravox_domain::ports::{Boxed, Clock as _};
use paravox_domain::registration::Codes;
use paravox_gateway::{
    CredentialKey, Credentials, Dependency, Gateway, GatewayConfig, GatewayParts, Health, RateConfig,
};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::world::{World, lookup_key};

/// How long a test waits for anything.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// Waits for something within the limit.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let outcome = tokio::time::timeout(LIMIT, future).await;
    outcome.unwrap_or_else(|_| panic!("waited too long for: {what}"))
}

/// Waits until a condition holds.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    soon(what, async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Two dependencies, one of which may be away.
pub(crate) struct TestHealth(pub(crate) std::sync::atomic::AtomicBool);

impl Health for TestHealth {
    fn check(&self) -> Boxed<'_, Vec<Dependency>> {
        Box::pin(async move {
            let ready = self.0.load(std::sync::atomic::Ordering::SeqCst);
            let reason = (!ready).then(|| "no route to it".to_owned());
            vec![
                Dependency { name: "journal".to_owned(), ready: true, reason: None },
                Dependency { name: "postgres".to_owned(), ready, reason },
            ]
        })
    }
}

pub(crate) struct Server {
    pub(crate) world: Arc<World>,
    pub(crate) address: SocketAddr,
    pub(crate) client: reqwest::Client,
    pub(crate) health: Arc<TestHealth>,
    pub(crate) stop: CancellationToken,
    pub(crate) serving: Option<JoinHandle<()>>,
}

/// A device that is in.
#[derive(Clone, Debug)]
pub(crate) struct Phone {
    pub(crate) number: String,
    pub(crate) device: String,
    pub(crate) party: String,
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Phone {
    pub(crate) fn id(&self) -> DeviceId {
        self.device.parse().unwrap()
    }
}

/// A gateway's answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) async fn of(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        Self { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
    }

    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body without what differs from request to request.
    pub(crate) fn plain(&self) -> (u16, Value) {
        let mut body = self.body.clone();
        if let Some(object) = body.as_object_mut() {
            object.remove("request_id");
        }
        (self.status, body)
    }

    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?}", self.body);
        self
    }
}

/// Rates that no test but the ones about rates meets.
pub(crate) fn config() -> GatewayConfig {
    GatewayConfig {
        rates: RateConfig {
            per_address_per_s: 0,
            per_device_per_s: 0,
            registrations_per_identity_per_hour: 0,
            registrations_per_address_per_hour: 0,
            registrations_per_prefix_per_hour: 0,
            ..RateConfig::default()
        },
        read_wait_ms_max: 300,
        ..GatewayConfig::default()
    }
}

/// The keys of the gateway's credentials.
pub(crate) fn credentials() -> Credentials {
    let key = |kid: &str, byte| CredentialKey { kid: kid.to_owned(), secret: SecretKey([byte; 32]) };
    Credentials::new("paravox:test", "paravox", vec![key("k2", 2), key("k1", 1)]).unwrap()
}

/// The codes that would go out by SMS.
pub(crate) fn codes() -> Codes {
    Codes::new(&SecretKey([5; 32]))
}

pub(crate) async fn start() -> Server {
    start_with(config()).await
}

pub(crate) async fn start_with(config: GatewayConfig) -> Server {
    start_in(World::new(), config).await
}

pub(crate) async fn start_in(world: Arc<World>, config: GatewayConfig) -> Server {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let health = Arc::new(TestHealth(true.into()));
    let gateway = Gateway::new(GatewayParts {
        commands: world.clone(),
        views: world.clone(),
        feeds: world.clone(),
        clock: world.clock.clone(),
        config,
        credentials: credentials(),
        codes: codes(),
        lookup_key: lookup_key(),
        health: health.clone(),
        metrics: Some(Arc::new(|| "paravox_up 1\n".to_owned())),
    })
    .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let serving = tokio::spawn(async move { gateway.serve(listener, stopped).await.unwrap() });
    let client = reqwest::Client::builder().timeout(LIMIT).build().unwrap();
    Server { world, address, client, health, stop, serving: Some(serving) }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Server {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, self.url(path))
    }

    pub(crate) async fn get(&self, token: &str, path: &str) -> Reply {
        Reply::of(self.request(Method::GET, path).bearer_auth(token).send().await.unwrap()).await
    }

    pub(crate) async fn post(&self, token: &str, path: &str, body: Value) -> Reply {
        Reply::of(self.request(Method::POST, path).bearer_auth(token).json(&body).send().await.unwrap()).await
    }

    pub(crate) async fn post_as_nobody(&self, path: &str, body: Value) -> Reply {
        Reply::of(self.request(Method::POST, path).json(&body).send().await.unwrap()).await
    }

    pub(crate) async fn post_text(&self, token: &str, path: &str, body: impl Into<reqwest::Body>) -> Reply {
        let request =
            self.request(Method::POST, path).bearer_auth(token).header("content-type", "application/json");
        Reply::of(request.body(body).send().await.unwrap()).await
    }

    pub(crate) async fn keyed(&self, token: Option<&str>, path: &str, key: &str, body: Value) -> Reply {
        let mut request = self.request(Method::POST, path).header("idempotency-key", key).json(&body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        Reply::of(request.send().await.unwrap()).await
    }

    pub(crate) async fn delete(&self, token: &str, path: &str) -> Reply {
        Reply::of(self.request(Method::DELETE, path).bearer_auth(token).send().await.unwrap()).await
    }

    /// Starts a registration; its id and the code that goes out.
    pub(crate) async fn claim(&self, number: &str) -> (String, String) {
        let body = json!({"identity": number, "device": {"name": "phone", "kind": "phone"}});
        let reply = self.post_as_nobody("/v1/registrations", body).await.expect(202);
        let id = reply.body["registration"].as_str().unwrap().to_owned();
        let code = codes().code(id.parse::<RegistrationId>().unwrap());
        (id, code)
    }

    /// Registers a device.
    pub(crate) async fn phone(&self, number: &str) -> Phone {
        let (id, code) = self.claim(number).await;
        let path = format!("/v1/registrations/{id}/proof");
        let reply = self.post_as_nobody(&path, json!({"code": code})).await.expect(201);
        let text = |name: &str| reply.body[name].as_str().unwrap().to_owned();
        Phone {
            number: number.to_owned(),
            device: text("device"),
            party: text("party"),
            access: text("access_token"),
            refresh: text("refresh_token"),
        }
    }

    /// Two devices.
    pub(crate) async fn two(&self) -> (Phone, Phone) {
        (self.phone(ANNA).await, self.phone(BEN).await)
    }

    /// Reports a call of `from` with `other`.
    pub(crate) async fn report(&self, from: &Phone, other: &str, role: &str, stage: &str) -> Reply {
        let body = json!({
            "on_behalf_of": from.number, "other": {"identity": other}, "role": role, "stage": stage,
        });
        self.post(&from.access, "/v1/call-notifications", body).await
    }

    /// A call between two, and its session.
    pub(crate) async fn session(&self, anna: &Phone, ben: &Phone) -> (String, String) {
        self.report(anna, &ben.number, "calling", "attempt").await.expect(200);
        let joined = self.report(ben, &anna.number, "called", "alerting").await.expect(200);
        assert_eq!(joined.body["outcome"], "joined", "{:?}", joined.body);
        let text = |name: &str| joined.body[name].as_str().unwrap().to_owned();
        (text("call"), text("session"))
    }

    pub(crate) fn now(&self) -> paravox_domain::time::Instant {
        self.world.clock.now()
    }
}

pub(crate) const ANNA: &str = "+442079460001";
pub(crate) const BEN: &str = "+442079460002";
pub(crate) const CARL: &str = "+442079460003";
