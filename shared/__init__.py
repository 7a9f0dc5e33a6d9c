"""What every service shares: the event contract, the bus, the database, frames, targets and the library.

Nothing in here imports from ``services``.
"""

from shared.lean import keep_what_is_unused_out

keep_what_is_unused_out()
