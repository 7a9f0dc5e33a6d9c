-- First tables of the api schema.

CREATE TABLE api.dead_letter (
    dead_letter_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service        text NOT NULL,
    subject        text NOT NULL,
    sequence       bigint NOT NULL,
    attempt        integer NOT NULL,
    event_id       text,
    reason         text NOT NULL,
    error          text NOT NULL DEFAULT '',
    payload        bytea NOT NULL,
    payload_file   text,
    size_bytes     bigint NOT NULL,
    state          text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'replayed', 'dropped')),
    replays        integer NOT NULL DEFAULT 0,
    drop_reason    text,
    buried_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX dead_letter_waiting ON api.dead_letter (dead_letter_id) WHERE state = 'waiting';
COMMENT ON TABLE api.dead_letter IS 'The register of messages that no retry could help.';
COMMENT ON COLUMN api.dead_letter.dead_letter_id IS 'Number that the command line takes.';
COMMENT ON COLUMN api.dead_letter.service IS 'Service that gave up.';
COMMENT ON COLUMN api.dead_letter.subject IS 'Subject of the message.';
COMMENT ON COLUMN api.dead_letter.sequence IS 'Its position in the stream.';
COMMENT ON COLUMN api.dead_letter.attempt IS 'How often it had been delivered.';
COMMENT ON COLUMN api.dead_letter.event_id IS 'Id of the event, where the message had one.';
COMMENT ON COLUMN api.dead_letter.reason IS 'Why, one sentence.';
COMMENT ON COLUMN api.dead_letter.error IS 'Technical detail.';
COMMENT ON COLUMN api.dead_letter.payload IS 'The message, at most 64 KiB of it.';
COMMENT ON COLUMN api.dead_letter.payload_file IS 'File with the whole message where it is larger.';
COMMENT ON COLUMN api.dead_letter.size_bytes IS 'Size of the whole message, bytes.';
COMMENT ON COLUMN api.dead_letter.state IS 'waiting, replayed or dropped.';
COMMENT ON COLUMN api.dead_letter.replays IS 'How often it was published again.';
COMMENT ON COLUMN api.dead_letter.drop_reason IS 'Why a person dropped it.';
COMMENT ON COLUMN api.dead_letter.buried_at IS 'When it was entered.';
COMMENT ON COLUMN api.dead_letter.changed_at IS 'When its state last changed.';

-- template: inbox
COMMENT ON TABLE api.inbox IS 'Messages that were entered and commands that were carried out: each takes effect once.';
COMMENT ON COLUMN api.inbox.consumer IS 'Durable consumer, or the command.';
COMMENT ON COLUMN api.inbox.event_id IS 'Id of the message or command.';

CREATE VIEW api.dead_letters AS
SELECT dead_letter_id, service, subject, sequence, attempt, event_id, reason, error, payload, payload_file, size_bytes,
       state, replays, drop_reason, buried_at, changed_at
FROM api.dead_letter;
COMMENT ON VIEW api.dead_letters IS 'Contract: the register of dead letters.';
