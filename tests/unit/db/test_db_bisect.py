"""Batches that are refused are halved."""

from collections.abc import Sequence

import asyncpg
import pytest

from shared.db.bisect import Refused, Written, bisected
from shared.errors import Unavailable


@pytest.mark.parametrize("bad", [set(), {0}, {99}, {7, 8, 63}, set(range(100))])
async def test_what_is_refused_stands_alone_and_the_rest_is_written(bad: set[int]) -> None:
    """Each refused item is given with its own error, and every other is written once, in order."""
    written: list[int] = []

    async def write(items: Sequence[int]) -> int:
        if refused := bad & set(items):
            raise asyncpg.DataError(f"{min(refused)} is out of range")
        written.extend(items)
        return len(items)

    parts = [part async for part in bisected(list(range(100)), write)]
    assert written == [number for number in range(100) if number not in bad]
    assert sum(part.result for part in parts if isinstance(part, Written)) == len(written)
    refusals = [(part.item, str(part.error)) for part in parts if isinstance(part, Refused)]
    assert refusals == [(number, f"{number} is out of range") for number in sorted(bad)]


async def test_what_is_no_refusal_is_raised_at_once() -> None:
    """A database that is away, and a mistake in the statement, are no item's: they are raised, and nothing is split."""
    for error in (Unavailable("away"), asyncpg.UndefinedColumnError("no such column")):
        tries = 0

        async def write(_items: Sequence[int], error: Exception = error) -> None:
            nonlocal tries
            tries += 1
            raise error

        with pytest.raises(type(error)):
            _ = [part async for part in bisected([1, 2, 3], write)]
        assert tries == 1
