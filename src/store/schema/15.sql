-- Disks that instances are given. Which instance has one is in the record of that instance.
CREATE TABLE disk (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    host       TEXT NOT NULL,
    size       INTEGER NOT NULL CHECK (size > 0),
    state      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    FOREIGN KEY (id, name) REFERENCES resource (id, name)
) STRICT;
CREATE TRIGGER disk_deleted AFTER DELETE ON disk BEGIN
    DELETE FROM resource WHERE id = OLD.id;
END;
