-- The watcher made it by itself: such a one goes by itself too.
ALTER TABLE snapshot ADD COLUMN automatic INTEGER NOT NULL DEFAULT 0 CHECK (automatic IN (0, 1));
-- What is remembered of the automatic snapshots of an instance: the day (local) of the last one, when the last try failed, and the day on
-- which a failure was last told of.
CREATE TABLE auto_snapshot (
    instance  TEXT PRIMARY KEY REFERENCES instance (uuid) ON DELETE CASCADE,
    made_on   TEXT,
    failed_at INTEGER,
    told_on   TEXT
) STRICT;
