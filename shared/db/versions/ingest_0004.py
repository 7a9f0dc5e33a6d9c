"""Each configured source has a state; what another source has taken since is no failure any more."""

from shared.db.script import run_script

revision = "ingest_0004"
down_revision = "ingest_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_script("ingest", "0004", "up")


def downgrade() -> None:
    run_script("ingest", "0004", "down")
