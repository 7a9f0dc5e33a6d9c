"""Frames whose target a person should decide are marked."""

from shared.db.script import run_script

revision = "stats_0005"
down_revision = "stats_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_script("stats", "0005", "up")


def downgrade() -> None:
    run_script("stats", "0005", "down")
