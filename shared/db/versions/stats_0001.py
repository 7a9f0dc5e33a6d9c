"""First tables of the stats schema."""

from shared.db.script import run_script

revision = "stats_0001"
down_revision = None
branch_labels = ("stats",)
depends_on = None


def upgrade() -> None:
    run_script("stats", "0001", "up")


def downgrade() -> None:
    run_script("stats", "0001", "down")
