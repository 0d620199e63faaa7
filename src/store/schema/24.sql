-- What is remembered of the copies that the watcher makes of automatic snapshots of an instance: to which remote, the last snapshot that is
-- there, when the last try failed, and how many did since one went well.
CREATE TABLE auto_push (
    instance  TEXT PRIMARY KEY REFERENCES instance (uuid) ON DELETE CASCADE,
    remote    TEXT,
    snapshot  TEXT,
    failed_at INTEGER,
    failures  INTEGER NOT NULL DEFAULT 0
) STRICT;
