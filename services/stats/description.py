"""What stats is to the other services."""

from shared.description import Reads, ServiceDescription

DESCRIPTION = ServiceDescription(
    name="stats",
    has_tables=True,
    has_outbox=True,
    reads=(
        Reads("file.arrived", batch_size=500, max_ack_pending=4000),
        Reads("file.scanned", batch_size=2000, loops=2, max_ack_pending=4000),
        Reads("file.quarantined"),
        Reads("file.moved", batch_size=500, max_ack_pending=4000),
        Reads("file.removed", batch_size=500, max_ack_pending=4000),
    ),
    publishes=("session.finished", "target.updated"),
    commands=("cmd.stats.dismiss-files", "cmd.stats.check", "cmd.stats.rebuild"),
    sends=("cmd.ingest.reread", "cmd.scanner.state"),
    looks_back=True,
    may_be_off=False,
    quiet=False,
    last_active="SELECT max(updated_at) FROM stats.captures",
)
