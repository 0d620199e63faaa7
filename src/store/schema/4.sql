-- Operations are about resources, names are unique over all kinds of them, times are whole microseconds (UTC), and what is
-- about a host says so. Runs with foreign keys off: tables that others refer to are made anew. Times were RFC 3339, with
-- any number of digits behind the point.

-- All that has a name. An image is named by what it was made of, such as `debian-13`: it may have an instance's name.
CREATE TABLE resource (
    id         TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,
    name       TEXT NOT NULL,
    host       TEXT,
    created_at INTEGER NOT NULL,
    UNIQUE (id, name)
) STRICT;
CREATE UNIQUE INDEX resource_name ON resource (name) WHERE kind <> 'image';
CREATE UNIQUE INDEX resource_image ON resource (host, name) WHERE kind = 'image';

CREATE TABLE instance_4 (
    uuid               TEXT PRIMARY KEY,
    name               TEXT NOT NULL UNIQUE,
    host               TEXT NOT NULL,
    mac                TEXT NOT NULL UNIQUE,
    network            TEXT NOT NULL,
    address            TEXT,
    desired_state      TEXT NOT NULL,
    desired_generation INTEGER NOT NULL DEFAULT 0,
    phase              TEXT NOT NULL,
    failure            TEXT,
    vcpus              INTEGER NOT NULL CHECK (vcpus > 0),
    memory             INTEGER NOT NULL CHECK (memory > 0),
    disk               INTEGER NOT NULL CHECK (disk > 0),
    record             TEXT NOT NULL,
    blueprint          TEXT NOT NULL,
    parameters         TEXT NOT NULL,
    image              TEXT NOT NULL,
    seed               TEXT,
    UNIQUE (host, network, address),
    FOREIGN KEY (uuid, name) REFERENCES resource (id, name) ON UPDATE CASCADE
) STRICT;
INSERT INTO resource (id, kind, name, host, created_at)
    SELECT uuid, 'instance', name, 'local',
           coalesce(unixepoch(substr(at, 1, 19)) * 1000000
                    + CAST(substr(rtrim(substr(at, 21), 'Z') || '000000', 1, 6) AS INTEGER), 0)
    FROM (SELECT uuid, name, CASE WHEN json_valid(record) THEN record ->> '$.created_at' END AS at FROM instance);
INSERT INTO instance_4 (uuid, name, host, mac, network, address, desired_state, desired_generation, phase, failure, vcpus,
                        memory, disk, record, blueprint, parameters, image, seed)
    SELECT uuid, name, 'local', mac, network, address, wanted, intent, phase, failure, vcpus, memory, disk, record,
           blueprint, parameters, image, seed FROM instance;
DROP TABLE instance;
ALTER TABLE instance_4 RENAME TO instance;
-- Counts the user's decisions, so that what was planned before one is dropped after it.
CREATE TRIGGER instance_decided AFTER UPDATE OF desired_state ON instance BEGIN
    UPDATE instance SET desired_generation = desired_generation + 1 WHERE uuid = NEW.uuid;
END;
CREATE TRIGGER instance_deleted AFTER DELETE ON instance BEGIN
    DELETE FROM resource WHERE id = OLD.uuid;
END;

-- The journal outlives what it is about, so nothing in it refers to a resource by a foreign key.
CREATE TABLE operation_4 (
    id            TEXT PRIMARY KEY,
    kind          TEXT NOT NULL,
    resource_kind TEXT NOT NULL,
    resource_id   TEXT NOT NULL,
    resource_name TEXT NOT NULL,
    host          TEXT NOT NULL,
    actor         TEXT NOT NULL,
    via           TEXT NOT NULL,
    state         TEXT NOT NULL,
    stage         TEXT,
    note          TEXT,
    done          INTEGER,
    total         INTEGER,
    error         TEXT,
    error_code    TEXT,
    request_id    TEXT UNIQUE,
    arguments     TEXT,
    started_at    INTEGER NOT NULL,
    ended_at      INTEGER,
    cancel_at     INTEGER
) STRICT;
INSERT INTO operation_4 (id, kind, resource_kind, resource_id, resource_name, host, actor, via, state, error, error_code,
                         request_id, arguments, started_at, ended_at)
    SELECT id, kind, 'instance', coalesce(instance, '00000000-0000-0000-0000-000000000000'), resource, 'local', 'root',
           CASE WHEN kind IN ('restart', 'reset') THEN 'watcher' ELSE 'cli' END,
           CASE WHEN instance IS NULL AND ended_at IS NULL THEN 'failed' ELSE state END, error,
           CASE WHEN error = 'its process died' THEN 'owner_died' END, request_id, arguments,
           unixepoch(substr(started_at, 1, 19)) * 1000000
               + CAST(substr(rtrim(substr(started_at, 21), 'Z') || '000000', 1, 6) AS INTEGER),
           unixepoch(substr(ended_at, 1, 19)) * 1000000
               + CAST(substr(rtrim(substr(ended_at, 21), 'Z') || '000000', 1, 6) AS INTEGER)
    FROM operation ORDER BY rowid;
DROP TABLE operation;
ALTER TABLE operation_4 RENAME TO operation;
CREATE INDEX operation_open ON operation (state) WHERE state IN ('started', 'needs-attention');
CREATE INDEX operation_by_time ON operation (started_at);
CREATE INDEX operation_by_name ON operation (resource_name, started_at);
CREATE INDEX operation_by_resource ON operation (resource_id, started_at);

-- What the watcher of a host remembers between two runs of it.
CREATE TABLE watcher_state (
    host  TEXT NOT NULL,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (host, key)
) STRICT, WITHOUT ROWID;
INSERT INTO watcher_state (host, key, value) SELECT 'local', key, value FROM watch;
DROP TABLE watch;

-- Each host counts its own minutes.
CREATE TABLE minute_4 (
    host   TEXT NOT NULL,
    number INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (host, number)
) STRICT, WITHOUT ROWID;
INSERT INTO minute_4 (host, number, at) SELECT 'local', number, at FROM minute;
DROP TABLE minute;
ALTER TABLE minute_4 RENAME TO minute;

CREATE TABLE alarm_4 (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    instance    TEXT NOT NULL REFERENCES instance (uuid) ON DELETE CASCADE,
    settings    TEXT NOT NULL,
    generation  INTEGER NOT NULL,
    state       TEXT NOT NULL,
    since       INTEGER NOT NULL,
    reason      TEXT NOT NULL,
    disabled    INTEGER NOT NULL DEFAULT 0,
    muted_until INTEGER,
    owed        INTEGER NOT NULL DEFAULT 0,
    incident    TEXT,
    reminded_at INTEGER,
    FOREIGN KEY (id, name) REFERENCES resource (id, name) ON UPDATE CASCADE
) STRICT;
INSERT INTO alarm_4 (id, name, instance, settings, generation, state, since, reason, disabled, muted_until, owed, incident,
                     reminded_at)
    SELECT id, name, instance, settings, generation, state,
           unixepoch(substr(since, 1, 19)) * 1000000
               + CAST(substr(rtrim(substr(since, 21), 'Z') || '000000', 1, 6) AS INTEGER),
           reason, disabled,
           unixepoch(substr(muted_until, 1, 19)) * 1000000
               + CAST(substr(rtrim(substr(muted_until, 21), 'Z') || '000000', 1, 6) AS INTEGER),
           owed, incident,
           unixepoch(substr(reminded_at, 1, 19)) * 1000000
               + CAST(substr(rtrim(substr(reminded_at, 21), 'Z') || '000000', 1, 6) AS INTEGER)
    FROM alarm;
INSERT INTO resource (id, kind, name, host, created_at) SELECT id, 'alarm', name, NULL, since FROM alarm_4;
DROP TABLE alarm;
ALTER TABLE alarm_4 RENAME TO alarm;
CREATE INDEX alarm_of_instance ON alarm (instance);
CREATE TRIGGER alarm_deleted AFTER DELETE ON alarm BEGIN
    DELETE FROM resource WHERE id = OLD.id;
END;

CREATE TABLE contact_4 (
    name       TEXT PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    url        TEXT NOT NULL,
    format     TEXT NOT NULL,
    private    INTEGER NOT NULL,
    secret     TEXT NOT NULL,
    old_secret TEXT,
    old_until  INTEGER,
    disabled   TEXT,
    overflowed INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    FOREIGN KEY (id, name) REFERENCES resource (id, name) ON UPDATE CASCADE
) STRICT;
INSERT INTO contact_4 (name, id, url, format, private, secret, old_secret, old_until, disabled, overflowed, created_at)
    SELECT name, 'co-' || lower(hex(randomblob(6))), url, format, private, secret, old_secret,
           unixepoch(substr(old_until, 1, 19)) * 1000000
               + CAST(substr(rtrim(substr(old_until, 21), 'Z') || '000000', 1, 6) AS INTEGER),
           disabled, overflowed,
           unixepoch(substr(created_at, 1, 19)) * 1000000
               + CAST(substr(rtrim(substr(created_at, 21), 'Z') || '000000', 1, 6) AS INTEGER)
    FROM contact;
INSERT INTO resource (id, kind, name, host, created_at) SELECT id, 'contact', name, NULL, created_at FROM contact_4;
DROP TABLE contact;
ALTER TABLE contact_4 RENAME TO contact;
CREATE TRIGGER contact_deleted AFTER DELETE ON contact BEGIN
    DELETE FROM resource WHERE id = OLD.id;
END;

-- Nothing refers to these columns, so they are replaced where they are.
ALTER TABLE incident RENAME COLUMN opened_at TO opened_at_text;
ALTER TABLE incident ADD COLUMN opened_at INTEGER NOT NULL DEFAULT 0;
UPDATE incident SET opened_at = unixepoch(substr(opened_at_text, 1, 19)) * 1000000
    + CAST(substr(rtrim(substr(opened_at_text, 21), 'Z') || '000000', 1, 6) AS INTEGER);
ALTER TABLE incident DROP COLUMN opened_at_text;
ALTER TABLE incident RENAME COLUMN closed_at TO closed_at_text;
ALTER TABLE incident ADD COLUMN closed_at INTEGER;
UPDATE incident SET closed_at = unixepoch(substr(closed_at_text, 1, 19)) * 1000000
    + CAST(substr(rtrim(substr(closed_at_text, 21), 'Z') || '000000', 1, 6) AS INTEGER) WHERE closed_at_text IS NOT NULL;
ALTER TABLE incident DROP COLUMN closed_at_text;
-- Every event so far is of the one host there was.
ALTER TABLE event ADD COLUMN host TEXT NOT NULL DEFAULT 'local';
ALTER TABLE event RENAME COLUMN at TO at_text;
ALTER TABLE event ADD COLUMN at INTEGER NOT NULL DEFAULT 0;
UPDATE event SET at = unixepoch(substr(at_text, 1, 19)) * 1000000
    + CAST(substr(rtrim(substr(at_text, 21), 'Z') || '000000', 1, 6) AS INTEGER);
ALTER TABLE event DROP COLUMN at_text;
ALTER TABLE message RENAME COLUMN made_at TO made_at_text;
ALTER TABLE message ADD COLUMN made_at INTEGER NOT NULL DEFAULT 0;
UPDATE message SET made_at = unixepoch(substr(made_at_text, 1, 19)) * 1000000
    + CAST(substr(rtrim(substr(made_at_text, 21), 'Z') || '000000', 1, 6) AS INTEGER);
ALTER TABLE message DROP COLUMN made_at_text;
ALTER TABLE message RENAME COLUMN next_at TO next_at_text;
ALTER TABLE message ADD COLUMN next_at INTEGER NOT NULL DEFAULT 0;
UPDATE message SET next_at = unixepoch(substr(next_at_text, 1, 19)) * 1000000
    + CAST(substr(rtrim(substr(next_at_text, 21), 'Z') || '000000', 1, 6) AS INTEGER);
ALTER TABLE message DROP COLUMN next_at_text;
ALTER TABLE message RENAME COLUMN ended_at TO ended_at_text;
ALTER TABLE message ADD COLUMN ended_at INTEGER;
UPDATE message SET ended_at = unixepoch(substr(ended_at_text, 1, 19)) * 1000000
    + CAST(substr(rtrim(substr(ended_at_text, 21), 'Z') || '000000', 1, 6) AS INTEGER) WHERE ended_at_text IS NOT NULL;
ALTER TABLE message DROP COLUMN ended_at_text;
