"""Imports and deletions of sources become jobs: claimed with an attempt number, which fences every write."""

from shared.db.script import make_jobs, run_script

revision = "ingest_0006"
down_revision = "ingest_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_script("ingest", "0006", "up")
    make_jobs("ingest.import", key="import_id")
    make_jobs("ingest.deletion", key="deletion_id")


def downgrade() -> None:
    run_script("ingest", "0006", "down")
