"""What may go, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

What = Literal["dump", "archive"]


@dataclass(frozen=True, slots=True)
class Removal:
    """One object that is to go from a destination."""

    what: What
    row_id: UUID
    """Of the dump or the archive."""
    destination: str
    key: str
    size_bytes: int
    why: str
    """One sentence for a person."""


@dataclass(frozen=True, slots=True)
class RetentionPlan:
    """What a run of retention would do."""

    removals: Sequence[Removal]
    warnings: Sequence[str]
    """What is over its cap, one sentence each; nothing is deleted for it."""
