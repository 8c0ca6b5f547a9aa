-- Erases slots of action logs: their values and filter columns become NULL, and their salts commitments.
-- It is the only change of an entry that the role of the program can make: it may call this, and may not
-- update the table, so it cannot give another value or a false commitment. It runs as the owner of the
-- tables, so its search path is fixed. Returns the number of entries that changed.
DO $migration$
BEGIN
    EXECUTE format($create$
CREATE FUNCTION erase_action_logs(of_channel BIGINT, positions BIGINT[], slots SMALLINT[]) RETURNS BIGINT
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, %1$I, pg_temp AS $$
DECLARE
    entry %1$I.action_logs%%ROWTYPE;
    new_seals BYTEA;
    erased BIGINT := 0;
    place BIGINT;
BEGIN
    FOREACH place IN ARRAY positions LOOP
        SELECT * INTO entry FROM action_logs WHERE channel_id = of_channel AND position = place FOR UPDATE;
        CONTINUE WHEN NOT FOUND;
        -- Only what an erasure names, and never what says that something was erased.
        CONTINUE WHEN entry.logger_name IN ('AUDIT.ERASE', 'AUDIT.ORIGIN') OR NOT EXISTS (
            SELECT 1 FROM erasures WHERE channel_id = of_channel AND stream = 2 AND place BETWEEN first AND last
        );
        new_seals := erased_seals(entry.seals, slots, ARRAY[
            entry.subject_json, entry.message, entry.trace, NULL, NULL, NULL, NULL, NULL, NULL, entry.extra, NULL, entry.masked
        ]);
        CONTINUE WHEN new_seals = entry.seals;
        UPDATE action_logs AS changed SET
            subject_json = CASE WHEN 0 = ANY (slots) THEN NULL ELSE changed.subject_json END,
            level = CASE WHEN 0 = ANY (slots) THEN NULL ELSE changed.level END,
            logger_name = CASE WHEN 0 = ANY (slots) THEN NULL ELSE changed.logger_name END,
            app_name = CASE WHEN 0 = ANY (slots) THEN NULL ELSE changed.app_name END,
            correlation_id = CASE WHEN 0 = ANY (slots) THEN NULL ELSE changed.correlation_id END,
            message = CASE WHEN 1 = ANY (slots) THEN NULL ELSE changed.message END,
            trace = CASE WHEN 2 = ANY (slots) THEN NULL ELSE changed.trace END,
            extra = CASE WHEN 9 = ANY (slots) THEN NULL ELSE changed.extra END,
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
    EXECUTE 'REVOKE ALL ON FUNCTION erase_action_logs(BIGINT, BIGINT[], SMALLINT[]) FROM PUBLIC';
END
$migration$;
