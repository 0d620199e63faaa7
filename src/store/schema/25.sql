-- Accounts of the console and the API. `root` is there on every host, without a password: a root shell makes its codes.
CREATE TABLE account (
    name       TEXT PRIMARY KEY,
    role       TEXT NOT NULL,
    scope      TEXT,
    password   TEXT,
    disabled   INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    created_at INTEGER NOT NULL
) STRICT;
INSERT INTO account (name, role, created_at) VALUES ('root', 'admin', 0);
-- Codes that log in once, by their digests.
CREATE TABLE login_code (
    digest  TEXT PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (name) ON DELETE CASCADE,
    until   INTEGER NOT NULL
) STRICT;
-- Sessions of browsers, by the digests of their tokens.
CREATE TABLE session (
    digest   TEXT PRIMARY KEY,
    account  TEXT NOT NULL REFERENCES account (name) ON DELETE CASCADE,
    address  TEXT,
    began_at INTEGER NOT NULL,
    used_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX session_of_account ON session (account);
-- Keys of the API. Their secrets are kept: signatures are checked with them.
CREATE TABLE api_key (
    id         TEXT PRIMARY KEY,
    secret     TEXT NOT NULL,
    account    TEXT NOT NULL REFERENCES account (name) ON DELETE CASCADE,
    role       TEXT NOT NULL,
    label      TEXT NOT NULL,
    disabled   INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    created_at INTEGER NOT NULL,
    used_at    INTEGER,
    address    TEXT
) STRICT;
CREATE INDEX api_key_of_account ON api_key (account);
