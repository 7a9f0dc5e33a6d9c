"""Checks and rebuilds of the schema as jobs, and what a lost row of a session or target goes on from."""

from shared.db.script import make_jobs, run_script

revision = "stats_0007"
down_revision = "stats_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_script("stats", "0007", "up")
    make_jobs("stats.upkeep")


def downgrade() -> None:
    run_script("stats", "0007", "down")
