-- Ports of the host that lead to instances. An address of '' is each that the host has; `sources` is a list of networks as JSON.
CREATE TABLE publication (
    id         INTEGER PRIMARY KEY,
    host       TEXT NOT NULL,
    address    TEXT NOT NULL,
    protocol   TEXT NOT NULL,
    port       INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
    instance   TEXT NOT NULL REFERENCES instance (uuid) ON DELETE CASCADE,
    guest_port INTEGER NOT NULL CHECK (guest_port BETWEEN 1 AND 65535),
    sources    TEXT NOT NULL,
    UNIQUE (host, address, protocol, port)
) STRICT;
CREATE INDEX publication_of_instance ON publication (instance);
