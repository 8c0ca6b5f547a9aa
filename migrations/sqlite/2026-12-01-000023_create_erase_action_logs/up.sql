-- The program does this itself: an embedded database belongs to it.
SELECT 1;
