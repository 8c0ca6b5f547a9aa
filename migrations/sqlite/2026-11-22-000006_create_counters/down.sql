DROP TABLE counters_by_hour;
DROP TABLE counters;
