"""Imports tell their rate, the size of what they work on, and how long the rest takes."""

from shared.db.script import run_script

revision = "ingest_0007"
down_revision = "ingest_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_script("ingest", "0007", "up")


def downgrade() -> None:
    run_script("ingest", "0007", "down")
