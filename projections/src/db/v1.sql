-- Version 1. Instants are microseconds since 1970, identifiers are text, truth is 0 or 1.

-- How far each reader has got, and the digest of the commit it stands at.
CREATE TABLE reader (
    name TEXT PRIMARY KEY,
    position BIGINT NOT NULL,
    digest TEXT NOT NULL
);

-- The archive: every event of the realm.
CREATE TABLE event (
    position BIGINT NOT NULL,
    idx BIGINT NOT NULL,
    stream TEXT NOT NULL,
    category TEXT NOT NULL,
    version BIGINT NOT NULL,
    type TEXT NOT NULL,
    at BIGINT NOT NULL,
    cause BIGINT,
    correlation TEXT,
    data TEXT NOT NULL,
    PRIMARY KEY (position, idx)
) {clustered};
CREATE UNIQUE INDEX event_by_stream ON event (stream, version);
CREATE INDEX event_by_category ON event (category, position);
CREATE INDEX event_by_correlation ON event (correlation, position) WHERE correlation IS NOT NULL;
CREATE INDEX event_by_at ON event (at);

-- The archive: the envelope of every commit, so that an auditor can compare chains. `settled` pairs each command with the
-- request that carried it, in the order to which an event's cause refers.
CREATE TABLE commit_log (
    position BIGINT PRIMARY KEY,
    digest TEXT NOT NULL,
    previous TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    writer TEXT NOT NULL,
    commit_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    settled TEXT NOT NULL
);
CREATE INDEX commit_log_by_at ON commit_log (at);

-- Commands that may be repeated, with the answer that a repeat gets.
CREATE TABLE command (
    id TEXT PRIMARY KEY,
    fingerprint BIGINT NOT NULL,
    request TEXT NOT NULL,
    position BIGINT NOT NULL,
    at BIGINT NOT NULL,
    answer TEXT NOT NULL
) {clustered};
CREATE INDEX command_by_position ON command (position);

-- Calls, with what the reports of each side name.
CREATE TABLE view_call (
    id TEXT PRIMARY KEY,
    opened_at BIGINT NOT NULL,
    joined BIGINT NOT NULL,
    waiting TEXT,
    session TEXT,
    over_at BIGINT,
    over_cause TEXT,
    first_role TEXT NOT NULL,
    first_other TEXT,
    second_role TEXT,
    second_other TEXT
) {clustered};

-- Which calls a party has, each at the place where its side became known.
CREATE TABLE view_call_party (
    party TEXT NOT NULL,
    position BIGINT NOT NULL,
    idx BIGINT NOT NULL,
    call TEXT NOT NULL,
    side BIGINT NOT NULL,
    opened_at BIGINT NOT NULL,
    PRIMARY KEY (party, position, idx, call)
) {clustered};
CREATE INDEX view_call_party_by_call ON view_call_party (call, party);

-- Sessions, with their legs.
CREATE TABLE view_session (
    id TEXT PRIMARY KEY,
    call TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    legs TEXT NOT NULL,
    messages BIGINT NOT NULL,
    outlives_call BIGINT NOT NULL,
    closed_at BIGINT,
    closed_cause TEXT
) {clustered};

-- Which sessions a party has.
CREATE TABLE view_session_party (
    party TEXT NOT NULL,
    position BIGINT NOT NULL,
    idx BIGINT NOT NULL,
    session TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    PRIMARY KEY (party, position, idx, session)
) {clustered};
CREATE INDEX view_session_party_by_session ON view_session_party (session, party);

-- The same, as long as the session is open.
CREATE TABLE view_session_open (
    party TEXT NOT NULL,
    position BIGINT NOT NULL,
    idx BIGINT NOT NULL,
    session TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    PRIMARY KEY (party, position, idx, session)
) {clustered};
CREATE INDEX view_session_open_by_session ON view_session_open (session);

-- Text messages.
CREATE TABLE view_message (
    session TEXT NOT NULL,
    position BIGINT NOT NULL,
    idx BIGINT NOT NULL,
    number BIGINT NOT NULL,
    id TEXT NOT NULL,
    leg TEXT NOT NULL,
    text TEXT NOT NULL,
    sent_at BIGINT NOT NULL,
    PRIMARY KEY (session, position, idx)
) {clustered};

-- Devices.
CREATE TABLE view_device (
    id TEXT PRIMARY KEY,
    party TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    enrolled_at BIGINT NOT NULL,
    position BIGINT NOT NULL,
    idx BIGINT NOT NULL,
    revoked TEXT
) {clustered};
CREATE INDEX view_device_by_party ON view_device (party, position, idx);

-- Identities of parties, in the order in which they were proven.
CREATE TABLE view_identity (
    party TEXT NOT NULL,
    position BIGINT NOT NULL,
    idx BIGINT NOT NULL,
    identity TEXT NOT NULL,
    PRIMARY KEY (party, position, idx)
) {clustered};

-- Items of the devices' feeds.
CREATE TABLE feed_item (
    device TEXT NOT NULL,
    number BIGINT NOT NULL,
    position BIGINT NOT NULL,
    at BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (device, number)
) {clustered};
CREATE INDEX feed_item_by_at ON feed_item (at);

-- The newest number of each feed, the oldest that is kept, and the commit of the newest item.
CREATE TABLE feed_head (
    device TEXT PRIMARY KEY,
    newest BIGINT NOT NULL,
    oldest BIGINT NOT NULL,
    position BIGINT NOT NULL
) {clustered};

-- One-time codes that are to be sent, until they are sent, given up or no longer good.
CREATE TABLE sms_outbox (
    registration TEXT PRIMARY KEY,
    number TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    state TEXT NOT NULL
) {clustered};
CREATE INDEX sms_outbox_by_due ON sms_outbox (state, due_at);
CREATE INDEX sms_outbox_by_expiry ON sms_outbox (expires_at);
