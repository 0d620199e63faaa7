-- What workers of the web front that a reload replaced had counted of a load balancer, JSON: each worker counts anew.
ALTER TABLE load_balancer ADD COLUMN counted TEXT;
-- Nothing leads to one that is being deleted; its row goes last, with its figures and its alarms.
ALTER TABLE load_balancer ADD COLUMN deleting INTEGER NOT NULL DEFAULT 0 CHECK (deleting IN (0, 1));
