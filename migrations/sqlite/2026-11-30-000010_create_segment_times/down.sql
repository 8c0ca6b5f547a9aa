DELETE FROM sqlite_stat1 WHERE tbl = 'segment_times';
DROP TABLE segment_times;
