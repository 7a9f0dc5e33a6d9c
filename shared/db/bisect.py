"""A batch that the database refuses is halved until what it refuses stands alone: the rest is written."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import asyncpg

T = TypeVar("T")
R = TypeVar("R")

REFUSALS: tuple[type[Exception], ...] = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    ValueError,
    OverflowError,
)
"""What is wrong with a value, and not with the statement or the server: a number too large for its column, a row too
long for its index, a text that cannot be encoded, an event that its own model refuses."""


@dataclass(frozen=True, slots=True)
class Written(Generic[T, R]):
    """Items that were written together, and what writing them gave."""

    items: Sequence[T]
    result: R


@dataclass(frozen=True, slots=True)
class Refused(Generic[T]):
    """The one item that cannot be written, and why."""

    item: T
    error: Exception


async def bisected(
    items: Sequence[T],
    write: Callable[[Sequence[T]], Awaitable[R]],
    errors: tuple[type[Exception], ...] = REFUSALS,
) -> AsyncIterator[Written[T, R] | Refused[T]]:
    """Write items together, and in halves where that is refused with one of ``errors``; others are raised.

    ``write`` must leave nothing behind where it fails, as a transaction does.
    """
    if not items:
        return
    try:
        result = await write(items)
    except errors as error:
        if len(items) == 1:
            yield Refused(items[0], error)
            return
    else:
        yield Written(items, result)
        return
    middle = len(items) // 2
    for half in (items[:middle], items[middle:]):
        async for part in bisected(half, write, errors):
            yield part
