-- SQLite has rows of this size in their page.
SELECT 1;
