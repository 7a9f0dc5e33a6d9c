-- takes: key="event_id, consumer"
-- Makes the table of events that were applied (shared.db.inbox).
CREATE TABLE {schema}.inbox (
    consumer    text NOT NULL,
    event_id    uuid NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY ({key})
);
COMMENT ON TABLE {schema}.inbox IS 'Events that were applied: each takes effect once per consumer.';
COMMENT ON COLUMN {schema}.inbox.consumer IS 'Durable consumer.';
COMMENT ON COLUMN {schema}.inbox.event_id IS 'Id of the event.';
COMMENT ON COLUMN {schema}.inbox.received_at IS 'When it was applied.';
