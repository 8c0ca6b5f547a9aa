-- Object types: the number and the name that fill each other in where an event has only one. A type may be renamed; what is in
-- the log keeps what it was given then. No guards: the registry proves nothing, and a change of it can be changed back.
CREATE TABLE content_types (
    id BIGINT NOT NULL PRIMARY KEY,
    app_label TEXT NOT NULL,
    model TEXT NOT NULL,
    UNIQUE (app_label, model)
);
