-- The virtual machine that an operation makes for itself alone: that of a bake, whose resource is the image.
ALTER TABLE operation ADD COLUMN machine TEXT;
-- A contact by mail: the digest of the code that its address has to give back, until when, and how often a wrong one was given.
ALTER TABLE contact ADD COLUMN code TEXT;
ALTER TABLE contact ADD COLUMN code_until INTEGER;
ALTER TABLE contact ADD COLUMN code_tries INTEGER NOT NULL DEFAULT 0;
-- A header of the user's that goes with each message to a webhook, `NAME: VALUE`; secret.
ALTER TABLE contact ADD COLUMN header TEXT;
