"""What backup is to the other services."""

from shared.description import Reads, ServiceDescription

DESCRIPTION = ServiceDescription(
    name="backup",
    has_tables=True,
    has_outbox=True,
    reads=(Reads("session.finished"), Reads("file.removed", batch_size=500, max_ack_pending=4000)),
    publishes=("session.archived",),
    commands=(
        "cmd.backup.run", "cmd.backup.retry", "cmd.backup.verify", "cmd.backup.database", "cmd.backup.read-back",
        "cmd.backup.retention",
    ),
    quiet=False,
    last_active="SELECT max(verified_at) FROM backup.archives",
)  # fmt: skip
