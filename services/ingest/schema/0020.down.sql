-- Takes back what 0020 says.

COMMENT ON COLUMN ingest.keeper_job.command IS 'The command, of a placement.';
