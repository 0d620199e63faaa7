-- Jobs: commands that have a machine of their own. `number` is the order of arrival. A job is open until it has ended and its machine is gone, or
-- is an ordinary instance; `name` stays behind for the history.
CREATE TABLE job (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    host       TEXT NOT NULL,
    state      TEXT NOT NULL,
    blueprint  TEXT NOT NULL,
    bundle     TEXT NOT NULL,
    command    TEXT NOT NULL,
    keep       INTEGER NOT NULL CHECK (keep IN (0, 1)),
    actor      TEXT NOT NULL,
    via        TEXT NOT NULL,
    address    TEXT,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at   INTEGER,
    cancel_at  INTEGER,
    exit_code  INTEGER,
    error      TEXT,
    name       TEXT,
    instance   TEXT UNIQUE REFERENCES instance (uuid) ON DELETE SET NULL
) STRICT;
