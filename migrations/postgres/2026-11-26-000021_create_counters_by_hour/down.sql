DROP TABLE counters_by_hour;
