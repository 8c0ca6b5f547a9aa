-- Content types: the server fills in the number or the name if an event has only the other. A type
-- may be renamed; entries in the log keep their values. There are no guards, because the registry
-- proves nothing and a change of it can be reverted.
CREATE TABLE content_types (
    id BIGINT NOT NULL PRIMARY KEY,
    app_label TEXT NOT NULL,
    model TEXT NOT NULL,
    UNIQUE (app_label, model)
);
