"""What the scanner is to the other services."""

from shared.bus.names import DECISIONS
from shared.description import Reads, ServiceDescription

DESCRIPTION = ServiceDescription(
    name="scanner",
    reads=(Reads("file.arrived", batch_size=128, fill_s=0.0, loops=2, max_ack_pending=100_000, quarantines=True),),
    publishes=("file.scanned", "file.quarantined"),
    follows=(DECISIONS,),
    may_be_off=False,
    quiet=False,
    last_active="SELECT max(occurred_at) FROM stats.quarantined WHERE service = 'scanner'",
)
