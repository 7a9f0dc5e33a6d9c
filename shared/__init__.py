"""What every service shares: the event contract, the bus, the database, frames, targets and the library.

Nothing in here imports from ``services``.
"""
