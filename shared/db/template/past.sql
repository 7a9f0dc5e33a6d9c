-- takes:
-- How far a consumer has taken the past, which the stream has forgotten (shared/bus/past.py).
CREATE TABLE {schema}.past (
    consumer text PRIMARY KEY,
    made_at  timestamptz NOT NULL,
    event_no bigint NOT NULL DEFAULT 0,
    done_at  timestamptz
);
COMMENT ON TABLE {schema}.past IS 'How far each consumer has taken the past out of the view stats.scanned_event.';
COMMENT ON COLUMN {schema}.past.consumer IS 'Durable consumer.';
COMMENT ON COLUMN {schema}.past.made_at IS 'When NATS made the consumer for which this holds; for another one the past is taken again.';
COMMENT ON COLUMN {schema}.past.event_no IS 'The last event that was taken.';
COMMENT ON COLUMN {schema}.past.done_at IS 'When all was taken; null while it is going on.';
