"""What the other modules of backup call a row of the database."""

from asyncpg import Record as Row

__all__ = ["Row"]
