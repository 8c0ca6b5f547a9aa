-- A row has about 4 KB. By default PostgreSQL moves values of that size into another table, 2 KB a
-- row, and a query would have to put each of them together again.
ALTER TABLE postings ALTER COLUMN terms SET STORAGE MAIN;
