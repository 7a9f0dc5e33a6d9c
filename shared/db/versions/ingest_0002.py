"""Deletions of sources are tried again after growing pauses, and imports say what they wait for."""

from shared.db.script import run_script

revision = "ingest_0002"
down_revision = "ingest_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_script("ingest", "0002", "up")


def downgrade() -> None:
    run_script("ingest", "0002", "down")
