//! Values as the clients that exist send them: what is taken from them, and what is refused and why.

mod channels;
mod charsets;
mod instants;
mod loggers;
mod python;
mod shapes;
mod uuids;

const EVENTS: &str = "/api/v1/events";
const ACTION_LOGS: &str = "/api/v1/action-logs";
const OMS: &str = "/api/v1/oms/settings/audit_events/";
const WAREHOUSE: &str = "/api/v1/remote/1/data-warehouse/audit-events/";
const OMS_LOGS: &str = "/api/v1/oms/logs/action_log/";
const INVENTORY: &str = "/api/v1/audit/logs";

/// A log of the inventory API without its braces.
const INVENTORY_LOG: &str = r#""user_id":"7","action":"READ","table_name":"products","record_id":"A-1""#;

/// Each place where a record is created, and the members of one without its braces; the instant is called as the third says.
const CREATES: [(&str, &str, &str); 6] = [
    (EVENTS, r#""action":"A""#, "timestamp"),
    (OMS, r#""action":"A""#, "timestamp"),
    (WAREHOUSE, r#""action":"A""#, "timestamp"),
    (INVENTORY, INVENTORY_LOG, "timestamp"),
    (ACTION_LOGS, r#""level":20,"message":"m""#, "created_at"),
    (OMS_LOGS, r#""level":20,"message":"m""#, "created_at"),
];
