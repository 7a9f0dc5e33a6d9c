-- takes:
-- Makes the table from which committed events are sent (shared.bus.outbox).
CREATE TABLE {schema}.outbox (
    outbox_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id   uuid NOT NULL,
    subject    text NOT NULL,
    payload    text NOT NULL,
    headers    text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE {schema}.outbox IS 'Events that are committed and not yet in the stream; empty at rest.';
COMMENT ON COLUMN {schema}.outbox.outbox_id IS 'Order of insertion; not an order of commit.';
COMMENT ON COLUMN {schema}.outbox.event_id IS 'Deterministic id of the event.';
COMMENT ON COLUMN {schema}.outbox.subject IS 'Subject it goes to.';
COMMENT ON COLUMN {schema}.outbox.payload IS 'The event, JSON.';
COMMENT ON COLUMN {schema}.outbox.headers IS 'Message headers, JSON.';
COMMENT ON COLUMN {schema}.outbox.created_at IS 'When it was written.';
