"""What every listing does: its first rows as a table that says what it left out, or all of them as JSON or CSV."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from services.cli.connection import reader, wait_for
from services.cli.filters import TABLE_LIMIT
from services.cli.layout import Column
from services.cli.output import Format, Row, counted, print_table, write_csv, write_json

if TYPE_CHECKING:
    import asyncpg

    from services.cli.connection import Stack

_PREFETCH = 1000


@dataclass(frozen=True, slots=True)
class Query:
    """SQL and its parameters."""

    sql: str
    parameters: Sequence[Any] = ()

    @property
    def count(self) -> "Query":
        """How many rows it finds."""
        return Query(f"SELECT count(*) FROM ({self.sql}) AS x", self.parameters)


@dataclass(frozen=True, slots=True)
class Listing:
    """A query, its order and its columns."""

    rows: Query
    order: str
    columns: Sequence[Column]
    noun: str
    """What one row is."""
    total: Query | None = None
    """How many rows there are, where that is told without reading them."""
    first: Query | None = None
    """The first ``{limit}`` rows, and maybe others, where ``rows`` would read all of them to find these."""
    spread: Mapping[str, str] = field(default_factory=dict)
    """Fields that are mappings, with the query of their keys: CSV has a column for each."""

    def query(self, limit: int | None) -> Query:
        """The rows in order, at most ``limit``."""
        if limit is None:
            return Query(f"{self.rows.sql} ORDER BY {self.order}", self.rows.parameters)
        chosen = self.first or self.rows
        found = chosen.sql.replace("{limit}", str(limit))
        return Query(f"{found} ORDER BY {self.order} LIMIT {limit}", chosen.parameters)

    async def show(self, connection: "asyncpg.Connection", output: Format, limit: int | None) -> None:
        """Print the rows; a table says how many it left out, or that it did."""
        if output is Format.TABLE:
            await self._show_table(connection, limit or TABLE_LIMIT)
            return
        query = self.query(limit)
        async with connection.transaction(readonly=True):
            prepared = await connection.prepare(query.sql)
            found = _rows(prepared, query.parameters)
            if output is Format.JSON:
                await write_json(found)
            else:
                keys = {name: [row[0] for row in await connection.fetch(keys)] for name, keys in self.spread.items()}
                await write_csv(found, [attribute.name for attribute in prepared.get_attributes()], keys)

    async def _show_table(self, connection: "asyncpg.Connection", limit: int) -> None:
        query = self.query(limit + 1)
        rows: list[Any] = await connection.fetch(query.sql, *query.parameters)
        if not rows:
            print(f"no {self.noun}s")
            return
        note = ""
        if len(rows) > limit:
            more = f"more {self.noun}s"
            if self.total is not None:
                total: int = await connection.fetchval(self.total.sql, *self.total.parameters)
                more = counted(max(total - limit, 1), f"more {self.noun}")
            note = f"{more} left out; --limit shows more"
        print_table(rows[:limit], self.columns, note=note)


async def _rows(prepared: Any, parameters: Sequence[Any]) -> AsyncIterator[Row]:
    async for row in prepared.cursor(*parameters, prefetch=_PREFETCH):
        yield dict(row)


def show_listing(stack: "Stack", listing: Listing, output: Format, limit: int | None) -> None:
    """Print a listing of the database."""

    async def work() -> None:
        async with reader(stack) as connection:
            await listing.show(connection, output, limit)

    wait_for(work())
