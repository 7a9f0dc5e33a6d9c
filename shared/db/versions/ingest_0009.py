"""What others compare their rows with: every content that ever arrived."""

from shared.db.script import run_script

revision = "ingest_0009"
down_revision = "ingest_0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_script("ingest", "0009", "up")


def downgrade() -> None:
    run_script("ingest", "0009", "down")
