-- Addresses that are kept by name. Each leads to one instance at most, and each instance has one at most; it outlives the instance.
CREATE TABLE static_ip (
    name       TEXT PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    host       TEXT NOT NULL,
    address    TEXT NOT NULL,
    instance   TEXT UNIQUE REFERENCES instance (uuid) ON DELETE SET NULL,
    created_at INTEGER NOT NULL,
    FOREIGN KEY (id, name) REFERENCES resource (id, name),
    UNIQUE (host, address)
) STRICT;
CREATE TRIGGER static_ip_deleted AFTER DELETE ON static_ip BEGIN
    DELETE FROM resource WHERE id = OLD.id;
END;
