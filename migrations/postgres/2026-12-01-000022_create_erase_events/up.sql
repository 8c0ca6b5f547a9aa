-- Erases slots of events: their values and filter columns become NULL, and their salts commitments.
-- It is the only change of an entry that the role of the program can make: it may call this, and may not
-- update the table, so it cannot give another value or a false commitment. It runs as the owner of the
-- tables, so its search path is fixed. Returns the number of entries that changed.
DO $migration$
BEGIN
    EXECUTE format($create$
CREATE FUNCTION erase_events(of_channel BIGINT, positions BIGINT[], slots SMALLINT[]) RETURNS BIGINT
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, %1$I, pg_temp AS $$
DECLARE
    entry %1$I.events%%ROWTYPE;
    new_seals BYTEA;
    erased BIGINT := 0;
    place BIGINT;
BEGIN
    FOREACH place IN ARRAY positions LOOP
        SELECT * INTO entry FROM events WHERE channel_id = of_channel AND position = place FOR UPDATE;
        CONTINUE WHEN NOT FOUND;
        -- Only what an erasure names, and never what says that something was erased.
        CONTINUE WHEN entry.action IN ('AUDIT.ERASE', 'AUDIT.ORIGIN') OR NOT EXISTS (
            SELECT 1 FROM erasures WHERE channel_id = of_channel AND stream = 1 AND place BETWEEN first AND last
        );
        new_seals := erased_seals(entry.seals, slots, ARRAY[
            entry.subject_json, entry.user_json, entry.remote_addr_json, entry.url_json, entry.query_params, entry.post_data, entry.headers, entry.content, entry.description_json, entry.extra, entry.impersonator_json, entry.masked
        ]);
        CONTINUE WHEN new_seals = entry.seals;
        UPDATE events AS changed SET
            subject_json = CASE WHEN 0 = ANY (slots) THEN NULL ELSE changed.subject_json END,
            content_type = CASE WHEN 0 = ANY (slots) THEN NULL ELSE changed.content_type END,
            object_num = CASE WHEN 0 = ANY (slots) THEN NULL ELSE changed.object_num END,
            action = CASE WHEN 0 = ANY (slots) THEN NULL ELSE changed.action END,
            table_name = CASE WHEN 0 = ANY (slots) THEN NULL ELSE changed.table_name END,
            object_id = CASE WHEN 0 = ANY (slots) THEN NULL ELSE changed.object_id END,
            outcome = CASE WHEN 0 = ANY (slots) THEN NULL ELSE changed.outcome END,
            correlation_id = CASE WHEN 0 = ANY (slots) THEN NULL ELSE changed.correlation_id END,
            source = CASE WHEN 0 = ANY (slots) THEN NULL ELSE changed.source END,
            user_json = CASE WHEN 1 = ANY (slots) THEN NULL ELSE changed.user_json END,
            user_num = CASE WHEN 1 = ANY (slots) THEN NULL ELSE changed.user_num END,
            user_id = CASE WHEN 1 = ANY (slots) THEN NULL ELSE changed.user_id END,
            user_name = CASE WHEN 1 = ANY (slots) THEN NULL ELSE changed.user_name END,
            user_email = CASE WHEN 1 = ANY (slots) THEN NULL ELSE changed.user_email END,
            remote_addr_json = CASE WHEN 2 = ANY (slots) THEN NULL ELSE changed.remote_addr_json END,
            remote_addr = CASE WHEN 2 = ANY (slots) THEN NULL ELSE changed.remote_addr END,
            url_json = CASE WHEN 3 = ANY (slots) THEN NULL ELSE changed.url_json END,
            url = CASE WHEN 3 = ANY (slots) THEN NULL ELSE changed.url END,
            query_params = CASE WHEN 4 = ANY (slots) THEN NULL ELSE changed.query_params END,
            post_data = CASE WHEN 5 = ANY (slots) THEN NULL ELSE changed.post_data END,
            headers = CASE WHEN 6 = ANY (slots) THEN NULL ELSE changed.headers END,
            content = CASE WHEN 7 = ANY (slots) THEN NULL ELSE changed.content END,
            description_json = CASE WHEN 8 = ANY (slots) THEN NULL ELSE changed.description_json END,
            extra = CASE WHEN 9 = ANY (slots) THEN NULL ELSE changed.extra END,
            impersonator_json = CASE WHEN 10 = ANY (slots) THEN NULL ELSE changed.impersonator_json END,
            impersonator_id = CASE WHEN 10 = ANY (slots) THEN NULL ELSE changed.impersonator_id END,
            masked = CASE WHEN 11 = ANY (slots) THEN NULL ELSE changed.masked END,
            seals = new_seals
        WHERE channel_id = of_channel AND position = place;
        erased := erased + 1;
    END LOOP;
    RETURN erased;
END
$$
    $create$, current_schema());
    -- Every role may call a new function.
    EXECUTE 'REVOKE ALL ON FUNCTION erase_events(BIGINT, BIGINT[], SMALLINT[]) FROM PUBLIC';
END
$migration$;
