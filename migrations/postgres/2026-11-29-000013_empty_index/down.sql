-- An older program does not know what is in these segments.
TRUNCATE segments, segment_times, postings;
