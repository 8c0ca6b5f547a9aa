DROP INDEX events_by_action;
