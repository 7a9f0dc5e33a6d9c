-- The jobs of the keeper say what a removal keeps of its command.

COMMENT ON COLUMN ingest.keeper_job.command IS 'The command, of a placement; of a removal what stands for the files (in_place_of), where it names that.';
