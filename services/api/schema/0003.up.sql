-- Each column of each view says what it is.

COMMENT ON COLUMN api.dead_letters.dead_letter_id IS 'Number that the command line takes.';
COMMENT ON COLUMN api.dead_letters.service IS 'Service that gave up.';
COMMENT ON COLUMN api.dead_letters.subject IS 'Subject of the message.';
COMMENT ON COLUMN api.dead_letters.sequence IS 'Its position in the stream.';
COMMENT ON COLUMN api.dead_letters.attempt IS 'How often it had been delivered.';
COMMENT ON COLUMN api.dead_letters.event_id IS 'Id of the event, where the message had one.';
COMMENT ON COLUMN api.dead_letters.reason IS 'Why, one sentence.';
COMMENT ON COLUMN api.dead_letters.error IS 'Technical detail.';
COMMENT ON COLUMN api.dead_letters.payload IS 'The message, at most 64 KiB of it.';
COMMENT ON COLUMN api.dead_letters.payload_file IS 'File with the whole message where it is larger.';
COMMENT ON COLUMN api.dead_letters.size_bytes IS 'Size of the whole message, bytes.';
COMMENT ON COLUMN api.dead_letters.state IS 'waiting, replayed, dropped, or replaced by a later letter of the same service about the same file.';
COMMENT ON COLUMN api.dead_letters.replays IS 'How often it was published again.';
COMMENT ON COLUMN api.dead_letters.drop_reason IS 'Why a person dropped it.';
COMMENT ON COLUMN api.dead_letters.buried_at IS 'When it was entered, UTC.';
COMMENT ON COLUMN api.dead_letters.changed_at IS 'When its state last changed, UTC.';
COMMENT ON COLUMN api.dead_letters.file_id IS 'File that the message is about, where it is about one.';

COMMENT ON COLUMN api.dead_letters.dead_letter_id IS 'Number that the command line takes.';
COMMENT ON COLUMN api.dead_letters.service IS 'Service that gave up.';
COMMENT ON COLUMN api.dead_letters.subject IS 'Subject of the message.';
COMMENT ON COLUMN api.dead_letters.sequence IS 'Its position in the stream.';
COMMENT ON COLUMN api.dead_letters.attempt IS 'How often it had been delivered.';
COMMENT ON COLUMN api.dead_letters.event_id IS 'Id of the event, where the message had one.';
COMMENT ON COLUMN api.dead_letters.reason IS 'Why, one sentence.';
COMMENT ON COLUMN api.dead_letters.error IS 'Technical detail.';
COMMENT ON COLUMN api.dead_letters.payload IS 'The message, at most 64 KiB of it.';
COMMENT ON COLUMN api.dead_letters.payload_file IS 'File with the whole message where it is larger.';
COMMENT ON COLUMN api.dead_letters.size_bytes IS 'Size of the whole message, bytes.';
COMMENT ON COLUMN api.dead_letters.state IS 'waiting, replayed, dropped, or replaced by a later letter of the same service about the same file.';
COMMENT ON COLUMN api.dead_letters.replays IS 'How often it was published again.';
COMMENT ON COLUMN api.dead_letters.drop_reason IS 'Why a person dropped it.';
COMMENT ON COLUMN api.dead_letters.buried_at IS 'When it was entered, UTC.';
COMMENT ON COLUMN api.dead_letters.changed_at IS 'When its state last changed, UTC.';
COMMENT ON COLUMN api.dead_letters.file_id IS 'File that the message is about, where it is about one.';
