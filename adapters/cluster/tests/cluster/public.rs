//! Public events.

use async_nats::jetstream;
use futures_util::StreamExt;
use paravox_cluster::{NatsPublicBus, PublicBusConfig, events_stream};
use paravox_domain::ports::query::PublicBus;

use crate::{client, server, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i5_an_event_that_is_published_twice_is_stored_once() {
    let server = server().await;
    let nats = client(&server).await;
    let bus = NatsPublicBus::open(nats.clone(), "test", PublicBusConfig::default()).await.expect("it opens");
    // A second node finds the stream there.
    NatsPublicBus::open(nats.clone(), "test", PublicBusConfig::default()).await.expect("it opens");
    let subject = "paravox.test.events.session.opened";
    for (id, body) in [("evt_1", "{\"id\":1}"), ("evt_1", "{\"id\":1}"), ("evt_2", "{\"id\":2}")] {
        within(bus.publish(subject, id, body.to_owned())).await.expect("it is stored");
    }
    let stream = jetstream::new(nats).get_stream(events_stream("test")).await.expect("it is there");
    assert_eq!(stream.cached_info().state.messages, 2);
    let consumer =
        stream.create_consumer(jetstream::consumer::pull::Config::default()).await.expect("it can be read");
    let events: Vec<_> = within(async {
        let messages = consumer.fetch().max_messages(2).messages().await.expect("they come");
        messages.map(|message| message.expect("it is whole")).collect().await
    })
    .await;
    let bodies: Vec<_> = events.iter().map(|event| event.payload.as_ref()).collect();
    assert_eq!(bodies, [b"{\"id\":1}".as_slice(), b"{\"id\":2}".as_slice()]);
    assert!(events.iter().all(|event| event.subject.as_str() == subject));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_on_a_subject_that_is_not_the_realms_is_refused() {
    let server = server().await;
    let bus = NatsPublicBus::open(client(&server).await, "test", PublicBusConfig::default())
        .await
        .expect("it opens");
    assert!(within(bus.publish("paravox.other.events.a.b", "evt_1", "{}".to_owned())).await.is_err());
}
