-- Copies of single disks that instances are given. `disk` is the disk as it was then, JSON.
CREATE TABLE disk_snapshot (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    host        TEXT NOT NULL,
    disk        TEXT NOT NULL,
    allocation  INTEGER,
    consistency TEXT,
    state       TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    FOREIGN KEY (id, name) REFERENCES resource (id, name)
) STRICT;
CREATE TRIGGER disk_snapshot_deleted AFTER DELETE ON disk_snapshot BEGIN
    DELETE FROM resource WHERE id = OLD.id;
END;
