-- Second factors of accounts: the secret of codes that change every half minute, and the last half minute whose code was used, so that none
-- counts twice. One that nobody confirmed by a code yet is asked for by nobody.
CREATE TABLE second_factor (
    account   TEXT PRIMARY KEY REFERENCES account (name) ON DELETE CASCADE,
    secret    BLOB NOT NULL,
    confirmed INTEGER NOT NULL DEFAULT 0 CHECK (confirmed IN (0, 1)),
    step      INTEGER NOT NULL DEFAULT 0
) STRICT;
-- A key may read the metrics and nothing else: it is a bearer token, of which a digest is kept in place of the secret.
ALTER TABLE api_key ADD COLUMN for_metrics INTEGER NOT NULL DEFAULT 0 CHECK (for_metrics IN (0, 1));
