-- The IPv6 address that the record has: no other instance of the network has it.
ALTER TABLE instance ADD COLUMN address6 TEXT GENERATED ALWAYS AS
    (CASE WHEN json_valid(record) THEN json_extract(record, '$.address6') END) VIRTUAL;
CREATE UNIQUE INDEX instance_address6 ON instance (host, network, address6);
