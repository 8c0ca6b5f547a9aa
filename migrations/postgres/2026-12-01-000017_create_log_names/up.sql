-- The names of the logs of this database, the first part of each origin. The one with the highest number
-- is in use. A database has one name, until somebody gives it a new one because it was restored or
-- changed. Instants are in microseconds.
CREATE TABLE log_names (
    number BIGINT NOT NULL PRIMARY KEY CHECK (number >= 1),
    name TEXT COLLATE "C" NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);
