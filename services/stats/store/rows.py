"""Rows as the arrays that statements unnest."""

from collections.abc import Iterable, Sequence
from typing import Any

from shared.bus.transaction import Connection


def columns(rows: Iterable[Sequence[Any]], width: int) -> list[list[Any]]:
    """An array for each of ``width`` columns; they are empty where there are no rows."""
    found = [list(column) for column in zip(*rows, strict=True)]
    return found or [[] for _ in range(width)]


async def write(connection: Connection, statement: str, rows: Iterable[Sequence[Any]]) -> None:
    """Run a statement that takes its rows as arrays; nothing to do for no rows."""
    if arrays := columns(rows, 0):
        await connection.execute(statement, *arrays)
