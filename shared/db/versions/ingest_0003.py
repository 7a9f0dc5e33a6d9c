"""What could not be taken is listed with its reasons for as long as it lasts."""

from shared.db.script import run_script

revision = "ingest_0003"
down_revision = "ingest_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_script("ingest", "0003", "up")


def downgrade() -> None:
    run_script("ingest", "0003", "down")
