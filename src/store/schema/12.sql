-- Copies of the disks of instances, which outlive them. `record` is the instance's as it was then; an image that one lies on stays.
CREATE TABLE snapshot (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    host        TEXT NOT NULL,
    source      TEXT NOT NULL,
    image       TEXT NOT NULL,
    size        INTEGER NOT NULL CHECK (size > 0),
    allocation  INTEGER,
    consistency TEXT,
    state       TEXT NOT NULL,
    record      TEXT NOT NULL,
    blueprint   TEXT NOT NULL,
    parameters  TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    FOREIGN KEY (id, name) REFERENCES resource (id, name)
) STRICT;
CREATE INDEX snapshot_of_source ON snapshot (source);
CREATE INDEX snapshot_of_image ON snapshot (image);
CREATE TRIGGER snapshot_deleted AFTER DELETE ON snapshot BEGIN
    DELETE FROM resource WHERE id = OLD.id;
END;
-- The secrets that the instance had: its disk holds what they open.
CREATE TABLE snapshot_secret (
    snapshot    TEXT NOT NULL REFERENCES snapshot (id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    account     TEXT,
    description TEXT NOT NULL,
    shown       INTEGER NOT NULL,
    value       TEXT NOT NULL,
    PRIMARY KEY (snapshot, name)
) STRICT, WITHOUT ROWID;
