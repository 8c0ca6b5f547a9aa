DROP TABLE counters_by_hour;
DELETE FROM sqlite_stat1 WHERE tbl = 'counters_by_hour';
