-- The journal only grows: find the last operations, and those of one name or instance, without reading all of it.
CREATE INDEX operation_by_time ON operation (started_at);
CREATE INDEX operation_by_resource ON operation (resource, started_at);
CREATE INDEX operation_by_instance ON operation (instance, started_at);
