DELETE FROM sqlite_stat1 WHERE tbl = 'postings';
DROP TABLE postings;
