"""First tables of the api schema."""

from shared.db.script import run_script

revision = "api_0001"
down_revision = None
branch_labels = ("api",)
depends_on = None


def upgrade() -> None:
    run_script("api", "0001", "up")


def downgrade() -> None:
    run_script("api", "0001", "down")
