DROP TABLE counters;
DELETE FROM sqlite_stat1 WHERE tbl = 'counters';
