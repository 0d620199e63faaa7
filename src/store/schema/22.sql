-- The tags of the instance that an operation was about when it was accepted, JSON; of a snapshot, those of its instance. By them whoever sees
-- one tag alone sees the operation when its instance is gone.
ALTER TABLE operation ADD COLUMN tags TEXT;
CREATE TRIGGER operation_tags AFTER INSERT ON operation WHEN NEW.resource_kind IN ('instance', 'snapshot') BEGIN
    UPDATE operation SET tags = coalesce(
        (SELECT record -> '$.tags' FROM instance WHERE uuid = NEW.resource_id AND json_valid(record)),
        (SELECT record -> '$.tags' FROM snapshot WHERE id = NEW.resource_id AND json_valid(record)))
    WHERE id = NEW.id;
END;
