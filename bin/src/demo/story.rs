//! The story: Alice calls Bob, and what happens beside their call.

use std::time::{Duration, Instant};

use paravox_device::{Error, Feed, Phone, Report, Server};
use serde_json::{Value, json};

use super::narrator::Narrator;
use crate::node::Outside;

/// How long anything may take before the demo has failed.
const LIMIT: Duration = Duration::from_secs(10);
/// How long silence must last to count as "nothing came".
const SILENCE: Duration = Duration::from_millis(200);

const ALICE: &str = "+447900123456";
const BOB: &str = "+447900654321";

/// The rows of the specification that the story shows.
const ROWS: [&str; 5] = ["S01", "S10", "S12", "S15", "C8"];

/// A check of the story: what was seen is what should have been.
fn check(holds: bool, what: &str, seen: &Value) -> Result<(), Error> {
    if holds { Ok(()) } else { Err(Error::Form { missing: what.to_owned(), answer: seen.clone() }) }
}

/// Tells the story, and returns the rows that it showed.
pub(super) async fn tell(
    server: &Server,
    outside: &Outside,
    narrator: &Narrator,
) -> Result<Vec<&'static str>, Error> {
    narrator.part("Two people register their phones (S10)");
    let alice = register(server, outside, narrator, "Alice", ALICE).await?;
    let bob = register(server, outside, narrator, "Bob", BOB).await?;
    let mut alices = alice.feed(0).await?;
    let mut bobs = bob.feed(0).await?;
    narrator.step("Both phones have their feeds open", None, &json!({}));

    narrator.part("Alice calls Bob; both phones report the call (S01)");
    let session = call(&alice, &bob, &mut alices, &mut bobs, narrator).await?;

    narrator.part("Messages go across, in one order (S15)");
    for (phone, name, text) in [
        (&alice, "Alice", "Can you see the leak?"),
        (&bob, "Bob", "Yes. Turn the valve under the sink."),
        (&alice, "Alice", "Done!"),
    ] {
        let began = Instant::now();
        phone.say(&session, text).await?;
        let (seen_by_alice, seen_by_bob) =
            (alices.next_of("message.text", LIMIT).await?, bobs.next_of("message.text", LIMIT).await?);
        check(seen_by_alice.text("text") == text, "the text on Alice's screen", &seen_by_alice.body)?;
        check(seen_by_bob.text("text") == text, "the text on Bob's screen", &seen_by_bob.body)?;
        let took = seen_by_alice.came.max(seen_by_bob.came) - began;
        narrator.step(
            &format!("{name}: “{text}”"),
            Some(took),
            &json!({ "n_alice": seen_by_alice.number, "n_bob": seen_by_bob.number }),
        );
    }

    narrator.part("Bob's phone loses its connection, and resumes (S12)");
    let bobs = resume(&alice, &bob, &session, &mut alices, bobs, narrator).await?;

    narrator.part("The call ends; everybody is told (S12)");
    end(&alice, &bob, &session, (alices, bobs), narrator).await?;
    Ok(ROWS.to_vec())
}

async fn register(
    server: &Server,
    outside: &Outside,
    narrator: &Narrator,
    name: &str,
    number: &str,
) -> Result<Phone, Error> {
    let began = Instant::now();
    let registration = server.start_registration(number, &format!("{name}'s phone")).await?;
    let code = outside
        .code(number, LIMIT)
        .await
        .ok_or_else(|| Error::Late { what: format!("the short message to {name}"), limit: LIMIT })?;
    let answer = server.prove(&registration, &code).await?;
    let phone = Phone::enrolled(server, number, &answer)?;
    narrator.step(
        &format!("{name} proves {number} with code {code} from a short message"),
        Some(began.elapsed()),
        &json!({ "party": phone.party, "device": phone.device }),
    );
    Ok(phone)
}

async fn call(
    alice: &Phone,
    bob: &Phone,
    alices: &mut Feed,
    bobs: &mut Feed,
    narrator: &Narrator,
) -> Result<String, Error> {
    let calling = Report { other: Some(BOB), role: "calling", stage: "attempt", attempt: Some("a1") };
    let answer = alice.report(&calling).await?;
    check(answer.body["outcome"] == "waiting", "outcome waiting", &answer.body)?;
    narrator.step(
        "Alice's phone: “I am calling Bob.”  Answer: noted, waiting for the other side",
        None,
        &answer.body,
    );

    let began = Instant::now();
    let called = Report { other: Some(ALICE), role: "called", stage: "alerting", attempt: Some("b1") };
    let answer = bob.report(&called).await?;
    check(answer.body["outcome"] == "joined", "outcome joined", &answer.body)?;
    let session = answer.text("session")?;
    let (at_alice, at_bob) =
        (alices.next_of("session.opened", LIMIT).await?, bobs.next_of("session.opened", LIMIT).await?);
    check(at_alice.text("session") == session, "the session on Alice's phone", &at_alice.body)?;
    check(at_bob.text("session") == session, "the session on Bob's phone", &at_bob.body)?;
    let took = at_alice.came.max(at_bob.came) - began;
    narrator.step(
        "Bob's phone: “Alice is calling.”  The two reports are one call: the session is open on both phones",
        Some(took),
        &json!({ "session": session, "call": at_alice.text("call") }),
    );
    Ok(session)
}

async fn resume(
    alice: &Phone,
    bob: &Phone,
    session: &str,
    alices: &mut Feed,
    bobs: Feed,
    narrator: &Narrator,
) -> Result<Feed, Error> {
    let cursor = bobs.lose();
    let lost = alices.next_of("session.leg_changed", LIMIT).await?;
    check(lost.text("state") == "lost", "a lost leg", &lost.body)?;
    narrator.step(
        &format!("Bob is in a tunnel; the last item that he has is number {cursor}. Alice is told"),
        None,
        &lost.body,
    );
    let texts = ["Are you there?", "The water is off.", "Call you back?"];
    for text in texts {
        alice.say(session, text).await?;
    }
    narrator.step("Alice sends three messages meanwhile", None, &json!({}));

    let began = Instant::now();
    let mut bobs = bob.feed(cursor).await?;
    let mut expected = cursor;
    let mut came = Vec::new();
    while came.len() < texts.len() {
        let item = bobs.next(LIMIT).await?;
        expected += 1;
        check(item.number == expected, "the next number", &item.body)?;
        if item.kind == "message.text" {
            came.push(item.text("text").to_owned());
        }
    }
    check(came == texts, "the three messages in order", &json!(came))?;
    narrator.step(
        &format!("Bob is back, resumes after number {cursor} and gets {} to {expected}: all three, each once, in order", cursor + 1),
        Some(began.elapsed()),
        &json!({ "from": cursor, "to": expected }),
    );
    let back = alices.next_of("session.leg_changed", LIMIT).await?;
    check(back.text("state") == "joined", "a resumed leg", &back.body)?;
    narrator.step("Alice is told that Bob is back", None, &back.body);
    Ok(bobs)
}

async fn end(
    alice: &Phone,
    bob: &Phone,
    session: &str,
    (mut alices, mut bobs): (Feed, Feed),
    narrator: &Narrator,
) -> Result<(), Error> {
    let began = Instant::now();
    let ended = Report { other: Some(BOB), role: "calling", stage: "ended", attempt: Some("a1") };
    alice.report(&ended).await?;
    let (at_alice, at_bob) =
        (alices.next_of("session.closed", LIMIT).await?, bobs.next_of("session.closed", LIMIT).await?);
    check(at_alice.text("cause") == "call_ended", "the cause at Alice's", &at_alice.body)?;
    check(at_bob.text("cause") == "call_ended", "the cause at Bob's", &at_bob.body)?;
    let took = at_alice.came.max(at_bob.came) - began;
    narrator.step(
        "Alice hangs up; both phones are told that the session is closed",
        Some(took),
        &at_alice.body,
    );

    let repeated = bobs.next_of("message.text", SILENCE).await;
    check(matches!(repeated, Err(Error::Late { .. })), "silence after the end", &json!(null))?;
    let messages = bob.get(&format!("/v1/sessions/{session}/messages")).await?;
    let texts = messages.body["data"].as_array().map_or(0, Vec::len);
    check(texts == 6, "six messages in the session's record", &messages.body)?;
    narrator.step("The record shows one session with six messages (C8)", None, &json!({ "messages": texts }));
    Ok(())
}
