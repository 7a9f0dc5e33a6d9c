"""First tables of the ingest schema."""

from shared.db.script import run_script

revision = "ingest_0001"
down_revision = None
branch_labels = ("ingest",)
depends_on = None


def upgrade() -> None:
    run_script("ingest", "0001", "up")


def downgrade() -> None:
    run_script("ingest", "0001", "down")
