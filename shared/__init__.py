"""What every service shares: the event contract, the bus, the database, frames, targets and the library.

Nothing in here imports from ``services``.
"""

from shared.lean_nats import keep_aiohttp_from_nats

keep_aiohttp_from_nats()
