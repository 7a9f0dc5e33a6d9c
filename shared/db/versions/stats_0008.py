"""What a check or rebuild found, for others to read."""

from shared.db.script import run_script

revision = "stats_0008"
down_revision = "stats_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_script("stats", "0008", "up")


def downgrade() -> None:
    run_script("stats", "0008", "down")
