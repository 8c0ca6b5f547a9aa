-- A view for people at a SQL prompt. Instants are in UTC, whatever the time zone of the session is.
CREATE VIEW events_readable AS
SELECT
    channel_id,
    position,
    encode(substr(uuid, 1, 4), 'hex') || '-' || encode(substr(uuid, 5, 2), 'hex') || '-' || encode(substr(uuid, 7, 2), 'hex') || '-'
        || encode(substr(uuid, 9, 2), 'hex') || '-' || encode(substr(uuid, 11), 'hex') AS uuid,
    to_char(TIMESTAMP '1970-01-01' + (timestamp / 86400000000) * INTERVAL '1 day'
            + (timestamp % 86400000000) * INTERVAL '1 microsecond',
        'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS timestamp,
    to_char(TIMESTAMP '1970-01-01' + (recorded_at / 86400000000) * INTERVAL '1 day'
            + (recorded_at % 86400000000) * INTERVAL '1 microsecond',
        'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS recorded_at,
    producer_id,
    action,
    content_type,
    table_name,
    object_id,
    user_id,
    user_name,
    user_email,
    outcome,
    correlation_id,
    source,
    impersonator_id,
    remote_addr_json AS remote_addr,
    url_json AS url,
    description_json AS description,
    user_json AS "user",
    impersonator_json AS impersonator,
    query_params,
    post_data,
    headers,
    content,
    extra,
    masked,
    encode(leaf_hash, 'hex') AS leaf_hash
FROM events;
