"""What the api service is to the other services."""

from shared.bus.names import DEAD_LETTERS, DEAD_SUBJECT
from shared.description import Reads, ServiceDescription

DESCRIPTION = ServiceDescription(
    name="api",
    has_tables=True,
    reads=(Reads(f"{DEAD_SUBJECT}.>", stream=DEAD_LETTERS),),
    commands=("cmd.api.replay-dead-letters", "cmd.api.drop-dead-letters"),
    replays=True,
    may_be_off=False,
    last_active="SELECT max(changed_at) FROM api.dead_letters",
)
