-- SQLite stores rows of this size in their page already.
SELECT 1;
