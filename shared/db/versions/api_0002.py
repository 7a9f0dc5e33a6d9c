"""A letter knows its file, and a later one about the same file takes its place."""

from shared.db.script import run_script

revision = "api_0002"
down_revision = "api_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_script("api", "0002", "up")


def downgrade() -> None:
    run_script("api", "0002", "down")
