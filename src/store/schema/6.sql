-- What the firewall of an instance lets in: `80/tcp`, `8000-8010/udp` or `icmp`, and from which network; '' is from anywhere.
CREATE TABLE firewall_rule (
    instance TEXT NOT NULL REFERENCES instance (uuid) ON DELETE CASCADE,
    service  TEXT NOT NULL,
    cidr     TEXT NOT NULL,
    PRIMARY KEY (instance, service, cidr)
) STRICT, WITHOUT ROWID;
-- Until now that was what the blueprint opened, and ICMP.
INSERT OR IGNORE INTO firewall_rule (instance, service, cidr)
    SELECT uuid, port.value, '' FROM instance,
           json_each(CASE WHEN json_valid(record) THEN record ELSE '{}' END, '$.ports') AS port;
INSERT INTO firewall_rule (instance, service, cidr) SELECT uuid, 'icmp', '' FROM instance;
