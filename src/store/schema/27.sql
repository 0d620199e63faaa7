-- Public keys that instances are made with. The private ones are their owners'.
CREATE TABLE key_pair (
    name       TEXT PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    public     TEXT NOT NULL,
    tags       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    FOREIGN KEY (id, name) REFERENCES resource (id, name)
) STRICT;
CREATE TRIGGER key_pair_deleted AFTER DELETE ON key_pair BEGIN
    DELETE FROM resource WHERE id = OLD.id;
END;
-- Answers to changes that the API was asked for: whoever asks again because the answer was lost gets it again.
CREATE TABLE api_answer (
    key        TEXT NOT NULL,
    target     TEXT NOT NULL,
    body       TEXT NOT NULL,
    invocation TEXT NOT NULL,
    signature  TEXT NOT NULL,
    at         INTEGER NOT NULL,
    answer     BLOB NOT NULL
) STRICT;
CREATE INDEX api_answer_to ON api_answer (key, target, body);
