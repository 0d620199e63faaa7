-- The virtual machine that an operation makes for itself alone: that of a bake, whose resource is the image.
ALTER TABLE operation ADD COLUMN machine TEXT;
