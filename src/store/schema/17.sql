-- When a snapshot that lite made for itself, before an upgrade, goes by itself; null: it stays until it is deleted.
ALTER TABLE snapshot ADD COLUMN expires_at INTEGER;
