"""Locations know the mtime at which they were whole, what is missing is told, and damaged copies are kept."""

from shared.db.script import run_script

revision = "ingest_0005"
down_revision = "ingest_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_script("ingest", "0005", "up")


def downgrade() -> None:
    run_script("ingest", "0005", "down")
