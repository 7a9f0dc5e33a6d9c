"""A session whose night is over is closing, and no longer called open."""

from shared.db.script import run_script

revision = "stats_0004"
down_revision = "stats_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_script("stats", "0004", "up")


def downgrade() -> None:
    run_script("stats", "0004", "down")
