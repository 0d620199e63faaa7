-- Instances, their secrets and host keys, and the journal.
CREATE TABLE instance (
    uuid       TEXT PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    mac        TEXT NOT NULL UNIQUE,
    network    TEXT NOT NULL,
    address    TEXT,
    wanted     TEXT NOT NULL,
    phase      TEXT NOT NULL,
    failure    TEXT,
    vcpus      INTEGER NOT NULL CHECK (vcpus > 0),
    memory     INTEGER NOT NULL CHECK (memory > 0),
    disk       INTEGER NOT NULL CHECK (disk > 0),
    record     TEXT NOT NULL,
    blueprint  TEXT NOT NULL,
    parameters TEXT NOT NULL,
    image      TEXT NOT NULL,
    seed       TEXT,
    UNIQUE (network, address)
) STRICT;
CREATE TABLE secret (
    instance    TEXT NOT NULL REFERENCES instance (uuid) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    account     TEXT,
    description TEXT NOT NULL,
    shown       INTEGER NOT NULL,
    value       TEXT NOT NULL,
    PRIMARY KEY (instance, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE host_key (
    instance TEXT PRIMARY KEY REFERENCES instance (uuid) ON DELETE CASCADE,
    public   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE operation (
    id         TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,
    resource   TEXT NOT NULL,
    instance   TEXT,
    state      TEXT NOT NULL,
    error      TEXT,
    request_id TEXT UNIQUE,
    arguments  TEXT,
    started_at TEXT NOT NULL,
    ended_at   TEXT
) STRICT;
CREATE INDEX operation_open ON operation (state) WHERE state IN ('started', 'needs-attention');
CREATE TABLE step (
    operation TEXT NOT NULL REFERENCES operation (id) ON DELETE CASCADE,
    sequence  INTEGER NOT NULL,
    step      TEXT NOT NULL,
    state     TEXT NOT NULL,
    PRIMARY KEY (operation, sequence)
) STRICT, WITHOUT ROWID;
