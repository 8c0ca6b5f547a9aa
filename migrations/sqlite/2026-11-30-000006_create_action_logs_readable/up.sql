-- A view for people at a SQL prompt.
CREATE VIEW action_logs_readable AS
SELECT
    channel_id,
    position + 1 AS id,
    lower(substr(hex(uuid), 1, 8) || '-' || substr(hex(uuid), 9, 4) || '-' || substr(hex(uuid), 13, 4) || '-'
        || substr(hex(uuid), 17, 4) || '-' || substr(hex(uuid), 21)) AS uuid,
    strftime('%Y-%m-%dT%H:%M:%S', (created_at - ((created_at % 1000000) + 1000000) % 1000000) / 1000000, 'unixepoch')
        || printf('.%06dZ', ((created_at % 1000000) + 1000000) % 1000000) AS created_at,
    strftime('%Y-%m-%dT%H:%M:%S', recorded_at / 1000000, 'unixepoch') || printf('.%06dZ', recorded_at % 1000000) AS recorded_at,
    producer_id,
    level,
    logger_name,
    app_name,
    correlation_id,
    message,
    trace,
    extra,
    masked,
    lower(hex(leaf_hash)) AS leaf_hash
FROM action_logs;
