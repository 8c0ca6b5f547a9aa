-- Segments have words and names of changed fields from here on. Those that were made before do not say that they have none, so the program
-- makes them again.
TRUNCATE segments, segment_times, postings;
