DROP INDEX events_by_table_name;
