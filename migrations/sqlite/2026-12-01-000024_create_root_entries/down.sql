DROP TABLE root_entries;
