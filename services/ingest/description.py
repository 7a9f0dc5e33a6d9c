"""What ingest is to the other services."""

from shared.description import ServiceDescription

DESCRIPTION = ServiceDescription(
    name="ingest",
    has_tables=True,
    has_outbox=True,
    publishes=("file.arrived", "file.moved", "file.removed"),
    commands=(
        "cmd.ingest.import", "cmd.ingest.cancel-import", "cmd.ingest.reread", "cmd.ingest.move", "cmd.ingest.place",
        "cmd.ingest.remove", "cmd.ingest.forget", "cmd.ingest.walk",
    ),
    sends=("cmd.backup.read-back",),
    may_be_off=False,
    quiet=False,
    last_active="SELECT max(last_arrived_at) FROM stats.sessions",
)  # fmt: skip
