-- From where an operation was asked for, where that was over a network.
ALTER TABLE operation ADD COLUMN address TEXT;
-- Who did what, and when: a row for each change and for each look at a secret. Rows are added, and go after 400 days.
CREATE TABLE audit (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    at            INTEGER NOT NULL,
    actor         TEXT NOT NULL,
    via           TEXT NOT NULL,
    address       TEXT,
    action        TEXT NOT NULL,
    resource_kind TEXT,
    resource      TEXT,
    operation     TEXT,
    outcome       TEXT NOT NULL,
    detail        TEXT
) STRICT;
CREATE INDEX audit_by_time ON audit (at);
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit is only added to');
END;
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit WHEN OLD.at >= (SELECT max(at) FROM audit) - 34560000000000 BEGIN
    SELECT RAISE(ABORT, 'the audit is kept for 400 days');
END;
CREATE TRIGGER audit_is_pruned AFTER INSERT ON audit BEGIN
    DELETE FROM audit WHERE at < NEW.at - 34560000000000;
END;
-- No operation without its row: both are written by the same statement.
CREATE TRIGGER operation_is_audited AFTER INSERT ON operation BEGIN
    INSERT INTO audit (at, actor, via, address, action, resource_kind, resource, operation, outcome)
    VALUES (NEW.started_at, NEW.actor, NEW.via, NEW.address, NEW.kind, NEW.resource_kind, NEW.resource_name, NEW.id,
            'accepted');
END;
