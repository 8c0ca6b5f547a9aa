-- The seals of an entry of which some slots are erased: the salt of each of them (kind 0, 16 bytes) is
-- replaced by the commitment of its value (kind 1, 32 bytes). `slot_values` has the values by slot
-- number, from slot 0 on. See docs/log-format.md.
CREATE FUNCTION erased_seals(seals BYTEA, slots SMALLINT[], slot_values TEXT[]) RETURNS BYTEA
LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    at INTEGER := 0;
    number INTEGER;
    kind INTEGER;
    width INTEGER;
    erased BYTEA := ''::BYTEA;
BEGIN
    WHILE at < octet_length(seals) LOOP
        number := get_byte(seals, at);
        kind := get_byte(seals, at + 1);
        width := CASE kind WHEN 0 THEN 16 WHEN 1 THEN 32 END;
        IF width IS NULL OR at + 2 + width > octet_length(seals) THEN
            RAISE EXCEPTION 'the seals of an entry were changed';
        END IF;
        IF kind = 0 AND number::SMALLINT = ANY (slots) THEN
            IF slot_values[number + 1] IS NULL THEN
                RAISE EXCEPTION 'an entry has a salt without a value';
            END IF;
            erased := erased || substring(seals FROM at + 1 FOR 1) || '\x01'::BYTEA || sha256(
                convert_to('audit-slot-v1', 'UTF8') || '\x00'::BYTEA || substring(seals FROM at + 1 FOR 1)
                || substring(seals FROM at + 3 FOR 16) || convert_to(slot_values[number + 1], 'UTF8')
            );
        ELSE
            erased := erased || substring(seals FROM at + 1 FOR 2 + width);
        END IF;
        at := at + 2 + width;
    END LOOP;
    RETURN erased;
END
$$;
