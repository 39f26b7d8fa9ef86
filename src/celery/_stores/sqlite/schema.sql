-- Version 1 of the embedded store. One file holds messages and results.

-- What is known of a queue beside its messages. A queue that was only published to has no row.
CREATE TABLE queue (
    name        TEXT PRIMARY KEY,
    auto_delete INTEGER NOT NULL,           -- 1: goes when its last consumer leaves
    expires     REAL,                       -- seconds without a consumer until it goes, or NULL
    used_at     REAL NOT NULL               -- epoch seconds of the last declaration or consumer
) WITHOUT ROWID;

CREATE TABLE binding (
    exchange    TEXT NOT NULL,
    queue       TEXT NOT NULL,
    routing_key TEXT NOT NULL,
    type        TEXT NOT NULL,              -- of the exchange: direct, topic or fanout
    PRIMARY KEY (exchange, queue, routing_key)
) WITHOUT ROWID;

-- One row per consumer that runs (or was killed and is not missed yet). Numbers are never used
-- twice: a consumer that lost its lease must not find another's under its own number.
CREATE TABLE lease (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    worker     TEXT NOT NULL,               -- node name, for people
    seconds    REAL NOT NULL,               -- how long it may go without renewal
    renewals   INTEGER NOT NULL DEFAULT 0,  -- what the others watch
    renewed_at REAL NOT NULL                -- epoch seconds; only for those who just came
);

CREATE TABLE consuming (
    queue TEXT NOT NULL,
    lease INTEGER NOT NULL,
    PRIMARY KEY (queue, lease)
) WITHOUT ROWID;

-- `lease` is the state: 0 ready, -1 parked until `due`, otherwise the lease that holds it.
-- The number of a message is its place in the queue: the next one is above all that exist.
CREATE TABLE message (
    id          INTEGER PRIMARY KEY,
    queue       TEXT NOT NULL,
    priority    INTEGER NOT NULL,
    lease       INTEGER NOT NULL DEFAULT 0,
    due         REAL,                       -- epoch seconds
    redelivered INTEGER NOT NULL DEFAULT 0, -- 1: it was leased before
    deliveries  INTEGER NOT NULL DEFAULT 0, -- how often it came back without a clean stop
    exchange    TEXT NOT NULL,
    routing_key TEXT NOT NULL,
    meta        TEXT NOT NULL,              -- JSON: content-type, content-encoding, headers, properties
    body        BLOB NOT NULL
);

-- One index for each state: a message is in exactly one of them.
CREATE INDEX message_ready  ON message (queue, priority DESC) WHERE lease = 0;
CREATE INDEX message_parked ON message (due) WHERE lease = -1;
CREATE INDEX message_leased ON message (lease) WHERE lease > 0;

-- Results, chord counters and groups, by the key of the result backend.
CREATE TABLE result (
    key     TEXT PRIMARY KEY,
    value   BLOB,
    expires REAL                            -- epoch seconds, or NULL: never
);

CREATE INDEX result_expires ON result (expires) WHERE expires IS NOT NULL;
