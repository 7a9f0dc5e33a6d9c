"""What each import brought, so that one can be waited for whatever else arrives."""

from shared.db.script import run_script

revision = "ingest_0008"
down_revision = "ingest_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_script("ingest", "0008", "up")


def downgrade() -> None:
    run_script("ingest", "0008", "down")
