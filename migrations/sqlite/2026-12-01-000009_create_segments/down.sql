DELETE FROM sqlite_stat1 WHERE tbl = 'segments';
DROP TABLE segments;
