-- A letter knows its file, and a later one about the same file takes its place.

ALTER TABLE api.dead_letter ADD COLUMN file_id text;
ALTER TABLE api.dead_letter DROP CONSTRAINT dead_letter_state_check;
ALTER TABLE api.dead_letter ADD CONSTRAINT dead_letter_state_check CHECK (state IN ('waiting', 'replayed', 'dropped', 'replaced'));
CREATE INDEX dead_letter_file ON api.dead_letter (file_id, service) WHERE state = 'waiting';
COMMENT ON COLUMN api.dead_letter.file_id IS 'File that the message is about, where it is about one.';
COMMENT ON COLUMN api.dead_letter.state IS 'waiting, replayed, dropped, or replaced by a later letter of the same service about the same file.';

CREATE OR REPLACE VIEW api.dead_letters AS
SELECT dead_letter_id, service, subject, sequence, attempt, event_id, reason, error, payload, payload_file, size_bytes,
       state, replays, drop_reason, buried_at, changed_at, file_id
FROM api.dead_letter;
