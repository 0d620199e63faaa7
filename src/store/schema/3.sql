-- Counts the user's decisions, so that what was planned before one is dropped after it.
ALTER TABLE instance ADD COLUMN intent INTEGER NOT NULL DEFAULT 0;
CREATE TRIGGER instance_intent AFTER UPDATE OF wanted ON instance BEGIN
    UPDATE instance SET intent = intent + 1 WHERE uuid = NEW.uuid;
END;

-- What the watcher remembers between two runs of it.
CREATE TABLE watch (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE restart_history (
    instance TEXT PRIMARY KEY REFERENCES instance (uuid) ON DELETE CASCADE,
    history  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE transfer (
    instance TEXT NOT NULL REFERENCES instance (uuid) ON DELETE CASCADE,
    month    TEXT NOT NULL,
    bytes    INTEGER NOT NULL,
    PRIMARY KEY (instance, month)
) STRICT, WITHOUT ROWID;

-- Minutes are counted, not timed; `at` is the label, seconds of the wall clock.
CREATE TABLE minute (
    number INTEGER PRIMARY KEY,
    at     INTEGER NOT NULL
) STRICT;
CREATE TABLE series (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    instance TEXT NOT NULL REFERENCES instance (uuid) ON DELETE CASCADE,
    metric   INTEGER NOT NULL,
    UNIQUE (instance, metric)
) STRICT;
-- Appended and removed in the order of time. Lowest and highest are NULL where there is one sample. No reference to
-- `series`: deleting an instance must not search this table; what is left over goes with the next roll-up.
CREATE TABLE point (
    minute  INTEGER NOT NULL,
    series  INTEGER NOT NULL,
    samples INTEGER NOT NULL,
    sum     REAL NOT NULL,
    lowest  REAL,
    highest REAL,
    PRIMARY KEY (minute, series)
) STRICT, WITHOUT ROWID;
-- Blocks of 60 points, written once and appended, so that pages are full and become free as a whole.
CREATE TABLE five_minutes (
    id     INTEGER PRIMARY KEY,
    series INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
    block  INTEGER NOT NULL,
    points BLOB NOT NULL,
    UNIQUE (series, block)
) STRICT;
CREATE TABLE hours (
    id     INTEGER PRIMARY KEY,
    series INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
    block  INTEGER NOT NULL,
    points BLOB NOT NULL,
    UNIQUE (series, block)
) STRICT;

CREATE TABLE alarm (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    instance    TEXT NOT NULL REFERENCES instance (uuid) ON DELETE CASCADE,
    settings    TEXT NOT NULL,
    generation  INTEGER NOT NULL,
    state       TEXT NOT NULL,
    since       TEXT NOT NULL,
    reason      TEXT NOT NULL,
    disabled    INTEGER NOT NULL DEFAULT 0,
    muted_until TEXT,
    owed        INTEGER NOT NULL DEFAULT 0,
    incident    TEXT,
    reminded_at TEXT
) STRICT;
CREATE INDEX alarm_of_instance ON alarm (instance);
CREATE TABLE incident (
    id        TEXT PRIMARY KEY,
    alarm     TEXT NOT NULL,
    opened_at TEXT NOT NULL,
    closed_at TEXT,
    sequence  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE event (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         TEXT NOT NULL,
    kind       TEXT NOT NULL,
    instance   TEXT,
    alarm      TEXT,
    incident   TEXT,
    sequence   INTEGER,
    suppressed INTEGER NOT NULL,
    data       TEXT NOT NULL,
    UNIQUE (incident, kind, sequence)
) STRICT;
CREATE TABLE contact (
    name       TEXT PRIMARY KEY,
    url        TEXT NOT NULL,
    format     TEXT NOT NULL,
    private    INTEGER NOT NULL,
    secret     TEXT NOT NULL,
    old_secret TEXT,
    old_until  TEXT,
    disabled   TEXT,
    overflowed INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL
) STRICT;
-- What is sent: one or more events, under one id on every attempt.
CREATE TABLE message (
    number       INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT NOT NULL UNIQUE,
    contact      TEXT NOT NULL REFERENCES contact (name) ON DELETE CASCADE,
    made_at      TEXT NOT NULL,
    digest       INTEGER NOT NULL,
    state        TEXT NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 0,
    next_at      TEXT NOT NULL,
    ended_at     TEXT,
    status       INTEGER,
    error        TEXT,
    content_type TEXT,
    body         BLOB
) STRICT;
CREATE INDEX message_of_contact ON message (contact, state);
CREATE TABLE delivery (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    event   INTEGER NOT NULL REFERENCES event (id) ON DELETE CASCADE,
    contact TEXT NOT NULL REFERENCES contact (name) ON DELETE CASCADE,
    message TEXT REFERENCES message (id) ON DELETE CASCADE,
    state   TEXT NOT NULL,
    changes INTEGER NOT NULL DEFAULT 1,
    UNIQUE (event, contact)
) STRICT;
CREATE INDEX delivery_of_contact ON delivery (contact, state);
CREATE INDEX delivery_of_message ON delivery (message);
