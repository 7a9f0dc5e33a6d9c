DROP VIEW api.dead_letters;
DELETE FROM api.dead_letter WHERE state = 'replaced';
DROP INDEX api.dead_letter_file;
ALTER TABLE api.dead_letter DROP CONSTRAINT dead_letter_state_check;
ALTER TABLE api.dead_letter ADD CONSTRAINT dead_letter_state_check CHECK (state IN ('waiting', 'replayed', 'dropped'));
ALTER TABLE api.dead_letter DROP COLUMN file_id;
COMMENT ON COLUMN api.dead_letter.state IS 'waiting, replayed or dropped.';
CREATE VIEW api.dead_letters AS
SELECT dead_letter_id, service, subject, sequence, attempt, event_id, reason, error, payload, payload_file, size_bytes,
       state, replays, drop_reason, buried_at, changed_at
FROM api.dead_letter;
COMMENT ON VIEW api.dead_letters IS 'Contract: the register of dead letters.';
