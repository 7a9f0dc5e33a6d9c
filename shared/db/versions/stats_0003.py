"""A person may dismiss a file that could not be handled."""

from shared.db.script import run_script

revision = "stats_0003"
down_revision = "stats_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_script("stats", "0003", "up")


def downgrade() -> None:
    run_script("stats", "0003", "down")
