-- An older program does not know what is in these segments.
DELETE FROM segments;
DELETE FROM segment_times;
DELETE FROM postings;
