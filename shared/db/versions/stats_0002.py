"""Which files hold a session back: those of its sources that wait for the scanner."""

from shared.db.script import run_script

revision = "stats_0002"
down_revision = "stats_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_script("stats", "0002", "up")


def downgrade() -> None:
    run_script("stats", "0002", "down")
