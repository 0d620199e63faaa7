-- When a snapshot was booted last to see whether it is whole, and why it is not; without a reason it is.
ALTER TABLE snapshot ADD COLUMN verified_at INTEGER;
ALTER TABLE snapshot ADD COLUMN verify_failure TEXT;
