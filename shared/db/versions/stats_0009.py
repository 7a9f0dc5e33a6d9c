"""The last file.scanned of each file is kept whole; files that were scanned before are listed, to be read anew."""

from shared.db.script import run_script

revision = "stats_0009"
down_revision = "stats_0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_script("stats", "0009", "up")


def downgrade() -> None:
    run_script("stats", "0009", "down")
