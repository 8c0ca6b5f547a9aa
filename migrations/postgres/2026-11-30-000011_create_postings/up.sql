-- The values of a segment and the entries that have each: some hundred values a row, in their
-- order, from `first_term` on.
CREATE TABLE postings (
    channel_id BIGINT NOT NULL,
    stream SMALLINT NOT NULL,
    first BIGINT NOT NULL,
    first_term BYTEA NOT NULL,
    terms BYTEA NOT NULL,
    PRIMARY KEY (channel_id, stream, first, first_term)
);
