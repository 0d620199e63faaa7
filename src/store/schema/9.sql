-- Domains that lead to instances, and their certificates, which outlive them for a while. `sources` is a list of networks as JSON,
-- `tried` one of times, `challenge` the token and its answer that the certificate authority asks for just now.
CREATE TABLE site (
    host       TEXT NOT NULL,
    domain     TEXT NOT NULL,
    instance   TEXT NOT NULL REFERENCES instance (uuid) ON DELETE CASCADE,
    guest_port INTEGER NOT NULL CHECK (guest_port BETWEEN 1 AND 65535),
    sources    TEXT NOT NULL,
    PRIMARY KEY (host, domain)
) STRICT;
CREATE INDEX site_of_instance ON site (instance);

CREATE TABLE certificate (
    host         TEXT NOT NULL,
    domain       TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('pending', 'issued', 'failed')),
    file         TEXT,
    not_after    INTEGER,
    due          INTEGER NOT NULL,
    failures     INTEGER NOT NULL,
    tried        TEXT NOT NULL,
    error        TEXT,
    challenge    TEXT,
    unused_since INTEGER,
    PRIMARY KEY (host, domain)
) STRICT;
