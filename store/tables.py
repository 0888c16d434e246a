"""The tables, version by version. What was released stays as it is: a change is a new version at the end."""

from __future__ import annotations

VERSION_1 = """
-- One row an event, in the order of ingestion. No key: DuckDB would scan the whole table at each insert.
CREATE TABLE events (
    seq               BIGINT    NOT NULL,
    event_id          UUID      NOT NULL,
    event_time        TIMESTAMP NOT NULL,
    arrival           TIMESTAMP NOT NULL,
    type              VARCHAR   NOT NULL,
    app               VARCHAR   NOT NULL,
    reason            VARCHAR,
    session_id        VARCHAR,
    user_id           VARCHAR,
    user_hint         VARCHAR,
    ip                VARCHAR,
    user_agent        VARCHAR,
    device_id         VARCHAR,
    auth_method       VARCHAR,
    mfa               BOOLEAN,
    idp               VARCHAR,
    idp_session_id    VARCHAR,
    parent_session_id VARCHAR,
    token_generation  BIGINT,
    count             BIGINT    NOT NULL,
    gap_min_ms        DOUBLE,
    gap_dev_ms        DOUBLE,
    bound             VARCHAR,
    action            VARCHAR,
    drill             VARCHAR,
    input_flags       VARCHAR[] NOT NULL,
    attributes        VARCHAR,               -- JSON object
    network           VARCHAR,
    ip_version        UTINYINT  NOT NULL,    -- 4, 6, or 0 without an address
    country           VARCHAR,
    region            VARCHAR,
    city              VARCHAR,
    lat               DOUBLE,
    lon               DOUBLE,
    asn               BIGINT,
    network_type      VARCHAR,
    precision         VARCHAR,
    agent_family      VARCHAR,
    agent_os          VARCHAR,
    agent_device_class VARCHAR,
    signed            BOOLEAN   NOT NULL,
    late              BOOLEAN   NOT NULL,
    topic             VARCHAR   NOT NULL,
    kafka_partition   INTEGER   NOT NULL,
    kafka_offset      BIGINT    NOT NULL
);

-- Facts of the pipeline's own; seq is shared with the events.
CREATE TABLE signals (
    seq         BIGINT    NOT NULL,
    signal_id   VARCHAR   NOT NULL,
    signal_time TIMESTAMP NOT NULL,
    kind        VARCHAR   NOT NULL,
    app         VARCHAR,
    session_id  VARCHAR,
    user_id     VARCHAR,
    payload     VARCHAR   NOT NULL           -- JSON object
);

CREATE TABLE dead_letters (
    topic           VARCHAR   NOT NULL,
    kafka_partition INTEGER   NOT NULL,
    kafka_offset    BIGINT    NOT NULL,
    arrival         TIMESTAMP NOT NULL,
    reason          VARCHAR   NOT NULL,
    detail          VARCHAR   NOT NULL,
    length          BIGINT    NOT NULL,
    sha256          VARCHAR   NOT NULL,
    content         BLOB      NOT NULL       -- for admins only
);

-- `withdrawn` belongs to the detectors, `triage` to people; status is made of both.
CREATE TABLE alerts (
    alert_id         VARCHAR   PRIMARY KEY,
    rule_id          VARCHAR   NOT NULL,
    rule_version     BIGINT    NOT NULL,
    model_id         VARCHAR,
    severity         VARCHAR   NOT NULL,
    severity_rank    UTINYINT  NOT NULL,
    confidence       DOUBLE    NOT NULL,
    mode             VARCHAR   NOT NULL,
    withdrawn        BOOLEAN   NOT NULL,
    app              VARCHAR   NOT NULL,
    key_kind         VARCHAR   NOT NULL,
    key_value        VARCHAR   NOT NULL,
    user_id          VARCHAR,
    session_id       VARCHAR,
    ip               VARCHAR,
    network          VARCHAR,
    device_id        VARCHAR,
    event_time       TIMESTAMP NOT NULL,
    first_event_time TIMESTAMP NOT NULL,
    last_event_time  TIMESTAMP NOT NULL,
    hits             BIGINT    NOT NULL,
    summary          VARCHAR   NOT NULL,
    evidence         VARCHAR   NOT NULL,     -- JSON array
    usual            VARCHAR   NOT NULL,     -- JSON object
    late             BOOLEAN   NOT NULL,
    drill            VARCHAR,
    stored           TIMESTAMP NOT NULL,     -- arrival of the batch that raised it
    updated          TIMESTAMP NOT NULL,     -- arrival of the batch that last changed it
    triage           VARCHAR,                -- acknowledged, resolved
    triage_by        VARCHAR,
    triage_note      VARCHAR,
    triage_time      TIMESTAMP
);

CREATE TABLE revocations (
    revocation_id VARCHAR   PRIMARY KEY,
    app           VARCHAR   NOT NULL,
    scope         VARCHAR   NOT NULL,
    subject       VARCHAR   NOT NULL,
    sequence      BIGINT    NOT NULL,
    reason        VARCHAR   NOT NULL,
    requested_by  VARCHAR   NOT NULL,
    state         VARCHAR   NOT NULL,
    times         VARCHAR   NOT NULL,        -- JSON object: state to microseconds
    session_id    VARCHAR,
    user_id       VARCHAR,
    alert_id      VARCHAR,
    rule_id       VARCHAR,
    severity      VARCHAR,
    sessions      BIGINT    NOT NULL,
    note          VARCHAR   NOT NULL,
    decided       TIMESTAMP NOT NULL,        -- the earliest of its times
    updated       TIMESTAMP NOT NULL         -- the latest of its times
);

CREATE TABLE outbox (
    lane         VARCHAR   NOT NULL,
    message_id   VARCHAR   NOT NULL,
    place        BIGINT    NOT NULL,         -- rises in the order of enqueuing
    kind         VARCHAR   NOT NULL,
    ordering_key VARCHAR   NOT NULL,
    subject      VARCHAR   NOT NULL,
    payload      VARCHAR   NOT NULL,
    created      TIMESTAMP NOT NULL,
    state        VARCHAR   NOT NULL,
    attempts     BIGINT    NOT NULL,
    next_try     TIMESTAMP NOT NULL,
    first_try    TIMESTAMP,
    finished     TIMESTAMP,
    last_error   VARCHAR   NOT NULL,
    expires      TIMESTAMP,
    PRIMARY KEY (lane, message_id)
);

CREATE TABLE offsets (
    topic           VARCHAR NOT NULL,
    kafka_partition INTEGER NOT NULL,
    topic_uuid      VARCHAR,
    next_offset     BIGINT  NOT NULL,
    PRIMARY KEY (topic, kafka_partition)
);

CREATE TABLE audit (
    line       BIGINT    NOT NULL,
    audit_time TIMESTAMP NOT NULL,
    actor      VARCHAR   NOT NULL,
    act        VARCHAR   NOT NULL,
    subject    VARCHAR   NOT NULL,
    app        VARCHAR   NOT NULL,
    why        VARCHAR   NOT NULL,
    details    VARCHAR   NOT NULL            -- JSON object
);

-- Appended, never updated: the newest row of a key counts; a NULL content says that the key has expired.
CREATE TABLE snapshots (
    mark    BIGINT  NOT NULL,
    kind    VARCHAR NOT NULL,
    key     VARCHAR NOT NULL,
    seq     BIGINT  NOT NULL,
    content BLOB
);

CREATE TABLE snapshot_marks (
    mark        BIGINT    NOT NULL,
    seq         BIGINT    NOT NULL,
    taken       TIMESTAMP NOT NULL,
    fingerprint VARCHAR   NOT NULL
);

CREATE TABLE meta (
    name  VARCHAR PRIMARY KEY,
    value VARCHAR NOT NULL
);
"""

VERSION_2 = """
-- What people make of an alert: whose it is, and what it turned out to be.
ALTER TABLE alerts ADD COLUMN owner VARCHAR;
ALTER TABLE alerts ADD COLUMN verdict VARCHAR;     -- benign, false_alarm, confirmed
"""

VERSION_3 = """
ALTER TABLE alerts ADD COLUMN suppressed_by VARCHAR;    -- owner and reason of the exception that covers it
"""

VERSION_4 = """
-- One row a user and day, of which baselines are made: read when a user becomes active, never rebuilt from events.
CREATE TABLE user_days (
    realm     VARCHAR  NOT NULL,
    user_id   VARCHAR  NOT NULL,
    day       INTEGER  NOT NULL,     -- days since the epoch, UTC, by event time
    version   SMALLINT NOT NULL,     -- of the form of content
    successes BIGINT   NOT NULL,
    content   BLOB     NOT NULL      -- msgpack
);
CREATE INDEX user_days_by_user ON user_days (user_id);
"""

VERSION_5 = """
-- What the alerts about a user (scope: realm) or session (scope: app) add up to. No key: a row is replaced whole.
CREATE TABLE risks (
    kind          VARCHAR   NOT NULL,     -- user, session
    scope         VARCHAR   NOT NULL,
    value         VARCHAR   NOT NULL,
    score         DOUBLE    NOT NULL,     -- 0 to 100, at as_of
    as_of         TIMESTAMP NOT NULL,     -- the last event of its alerts
    half_life_us  BIGINT    NOT NULL,
    contributions VARCHAR   NOT NULL      -- JSON array
);

CREATE TABLE campaigns (
    campaign_id VARCHAR   NOT NULL,
    realm       VARCHAR   NOT NULL,
    first       TIMESTAMP NOT NULL,
    last        TIMESTAMP NOT NULL,
    shared      VARCHAR   NOT NULL        -- JSON array: what its alerts have in common
);

-- An alert belongs to one campaign at most.
CREATE TABLE campaign_members (
    alert_id    VARCHAR NOT NULL,
    campaign_id VARCHAR NOT NULL
);
"""

VERSION_6 = """
-- Shared signals: the stream of each receiver, and the tokens that were taken, by which a replay is known.
CREATE TABLE ssf_streams (
    receiver VARCHAR   NOT NULL,
    content  VARCHAR   NOT NULL,     -- JSON object; holds the receiver's authorization, which is a secret
    updated  TIMESTAMP NOT NULL
);

CREATE TABLE ssf_received (
    transmitter VARCHAR   NOT NULL,
    jti         VARCHAR   NOT NULL,
    digest      VARCHAR   NOT NULL,  -- SHA-256 of the claims
    received    TIMESTAMP NOT NULL,
    PRIMARY KEY (transmitter, jti)
);
"""

VERSION_7 = """
-- Sessions whose users were asked to prove anew who they are.
CREATE TABLE step_ups (
    step_up_id VARCHAR   NOT NULL,
    app        VARCHAR   NOT NULL,
    session_id VARCHAR   NOT NULL,
    user_id    VARCHAR,
    alert_id   VARCHAR   NOT NULL,
    rule_id    VARCHAR   NOT NULL,
    state      VARCHAR   NOT NULL,
    asked      TIMESTAMP NOT NULL,
    due        TIMESTAMP NOT NULL,
    login      TIMESTAMP,             -- of a fresh login from a device that the user is known by
    ended      TIMESTAMP,
    note       VARCHAR   NOT NULL
);
"""

VERSION_8 = """
-- The audit log as a chain (see store/audit_chain.py): persons by pseudonyms, whose names can be erased.
ALTER TABLE audit ADD COLUMN user_pseudonym VARCHAR;   -- whom it is about
ALTER TABLE audit ADD COLUMN salt VARCHAR;             -- NULL = why and details were erased
ALTER TABLE audit ADD COLUMN text_hash VARCHAR;
ALTER TABLE audit ADD COLUMN before_hash VARCHAR;
ALTER TABLE audit ADD COLUMN line_hash VARCHAR;        -- NULL = not taken up into the chain yet

CREATE TABLE audit_names (
    pseudonym VARCHAR NOT NULL,
    name      VARCHAR NOT NULL
);

CREATE TABLE audit_checkpoints (
    kind      VARCHAR   NOT NULL,     -- head, cut
    number    BIGINT    NOT NULL,
    line      BIGINT    NOT NULL,
    made      TIMESTAMP NOT NULL,
    signature VARCHAR   NOT NULL      -- JWS over all of it and the hash of the line
);

-- Of a login's: how long it is locked.
ALTER TABLE revocations ADD COLUMN lock_for_us BIGINT;
"""

MIGRATIONS: tuple[str, ...] = (
    VERSION_1, VERSION_2, VERSION_3, VERSION_4, VERSION_5, VERSION_6, VERSION_7, VERSION_8,
)  # fmt: skip
"""Statements by version; the first makes version 1 from an empty file."""

TABLES = (
    "events", "signals", "dead_letters", "alerts", "revocations", "outbox", "offsets", "audit", "snapshots",
    "snapshot_marks", "user_days", "risks", "campaigns", "campaign_members", "ssf_streams", "ssf_received",
    "step_ups", "audit_names", "audit_checkpoints",
)  # fmt: skip
"""The tables that hold rows of the product, for counting."""
