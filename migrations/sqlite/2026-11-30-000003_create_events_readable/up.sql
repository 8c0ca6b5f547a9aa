-- A view for people at a SQL prompt.
CREATE VIEW events_readable AS
SELECT
    channel_id,
    position,
    lower(substr(hex(uuid), 1, 8) || '-' || substr(hex(uuid), 9, 4) || '-' || substr(hex(uuid), 13, 4) || '-'
        || substr(hex(uuid), 17, 4) || '-' || substr(hex(uuid), 21)) AS uuid,
    strftime('%Y-%m-%dT%H:%M:%S', (timestamp - ((timestamp % 1000000) + 1000000) % 1000000) / 1000000, 'unixepoch')
        || printf('.%06dZ', ((timestamp % 1000000) + 1000000) % 1000000) AS timestamp,
    strftime('%Y-%m-%dT%H:%M:%S', recorded_at / 1000000, 'unixepoch') || printf('.%06dZ', recorded_at % 1000000) AS recorded_at,
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
    user_json AS user,
    impersonator_json AS impersonator,
    query_params,
    post_data,
    headers,
    content,
    extra,
    masked,
    lower(hex(leaf_hash)) AS leaf_hash
FROM events;
