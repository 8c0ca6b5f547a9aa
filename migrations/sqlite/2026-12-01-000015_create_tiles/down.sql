DELETE FROM sqlite_stat1 WHERE tbl = 'tiles';
DROP TABLE tiles;
