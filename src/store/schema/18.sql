-- Places outside this host that snapshots are copied to. Passwords and keys are in files beside the database.
CREATE TABLE remote (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    location   TEXT NOT NULL,
    state      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    FOREIGN KEY (id, name) REFERENCES resource (id, name)
) STRICT;
CREATE TRIGGER remote_deleted AFTER DELETE ON remote BEGIN
    DELETE FROM resource WHERE id = OLD.id;
END;
