-- The disks that the instance had been given, JSON, each with its name, its size and where it was mounted: they are copied with it.
ALTER TABLE snapshot ADD COLUMN disks TEXT NOT NULL DEFAULT '[]';
-- The number of a disk's volume: a restore gives it another one. None: it has its first.
ALTER TABLE disk ADD COLUMN volume INTEGER CHECK (volume > 1);
