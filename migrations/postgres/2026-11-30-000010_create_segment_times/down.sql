DROP TABLE segment_times;
