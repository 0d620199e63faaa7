-- A deleted instance that is kept (phase `kept`) has a name of its own making, and no address: both are free.
DROP INDEX instance_address6;
ALTER TABLE instance DROP COLUMN address6;
ALTER TABLE instance ADD COLUMN address6 TEXT GENERATED ALWAYS AS
    (CASE WHEN phase <> 'kept' AND json_valid(record) THEN json_extract(record, '$.address6') END) VIRTUAL;
CREATE UNIQUE INDEX instance_address6 ON instance (host, network, address6);
-- The name that an alarm of such an instance had: that is free too.
ALTER TABLE alarm ADD COLUMN kept_name TEXT;
