"""A session knows when it was last told, so that what was lost with a stream is told again."""

from shared.db.script import run_script

revision = "stats_0006"
down_revision = "stats_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_script("stats", "0006", "up")


def downgrade() -> None:
    run_script("stats", "0006", "down")
