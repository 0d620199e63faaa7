-- Load balancers, each with a domain, a port of the host or both, and the instances behind them. A target goes with its
-- instance; one that drains gets no new visitors.
CREATE TABLE load_balancer (
    id            TEXT PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    host          TEXT NOT NULL,
    instance_port INTEGER NOT NULL CHECK (instance_port BETWEEN 1 AND 65535),
    domain        TEXT,
    listen        INTEGER CHECK (listen BETWEEN 1 AND 65535),
    health_path   TEXT NOT NULL,
    sticky        INTEGER NOT NULL CHECK (sticky IN (0, 1)),
    created_at    INTEGER NOT NULL,
    FOREIGN KEY (id, name) REFERENCES resource (id, name),
    UNIQUE (host, domain),
    UNIQUE (host, listen),
    CHECK (domain IS NOT NULL OR listen IS NOT NULL)
) STRICT;
CREATE TRIGGER load_balancer_deleted AFTER DELETE ON load_balancer BEGIN
    DELETE FROM resource WHERE id = OLD.id;
END;

CREATE TABLE load_balancer_target (
    load_balancer TEXT NOT NULL REFERENCES load_balancer (id) ON DELETE CASCADE,
    instance      TEXT NOT NULL REFERENCES instance (uuid) ON DELETE CASCADE,
    draining      INTEGER NOT NULL CHECK (draining IN (0, 1)),
    PRIMARY KEY (load_balancer, instance)
) STRICT;
CREATE INDEX load_balancer_of_instance ON load_balancer_target (instance);

-- What is measured and watched is an instance or a load balancer, so it refers to a resource, with which it goes. Ids of series are
-- never used again: points of one that is gone may be left.
CREATE TABLE series_10 (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    instance TEXT NOT NULL REFERENCES resource (id) ON DELETE CASCADE,
    metric   INTEGER NOT NULL,
    UNIQUE (instance, metric)
) STRICT;
INSERT INTO series_10 (id, instance, metric) SELECT id, instance, metric FROM series;
DELETE FROM sqlite_sequence WHERE name = 'series_10';
INSERT INTO sqlite_sequence (name, seq) SELECT 'series_10', seq FROM sqlite_sequence WHERE name = 'series';
DROP TABLE series;
ALTER TABLE series_10 RENAME TO series;

CREATE TABLE alarm_10 (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    instance    TEXT NOT NULL REFERENCES resource (id) ON DELETE CASCADE,
    settings    TEXT NOT NULL,
    generation  INTEGER NOT NULL,
    state       TEXT NOT NULL,
    since       INTEGER NOT NULL,
    reason      TEXT NOT NULL,
    disabled    INTEGER NOT NULL DEFAULT 0,
    muted_until INTEGER,
    owed        INTEGER NOT NULL DEFAULT 0,
    incident    TEXT,
    reminded_at INTEGER,
    FOREIGN KEY (id, name) REFERENCES resource (id, name) ON UPDATE CASCADE
) STRICT;
INSERT INTO alarm_10 SELECT id, name, instance, settings, generation, state, since, reason, disabled, muted_until, owed, incident,
                            reminded_at FROM alarm;
DROP TABLE alarm;
ALTER TABLE alarm_10 RENAME TO alarm;
CREATE INDEX alarm_of_instance ON alarm (instance);
CREATE TRIGGER alarm_deleted AFTER DELETE ON alarm BEGIN
    DELETE FROM resource WHERE id = OLD.id;
END;
