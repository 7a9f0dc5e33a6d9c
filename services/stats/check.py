"""Comparing the totals with the frames: read from one snapshot, so that writers need not wait."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.stats.derived import KEPT, OF_SESSIONS, PLACES, Derived
from shared.bus.transaction import Connection

_MISPLACED = f"""
SELECT f.file_id, f.session_id, f.counted, p.session_id AS other_session, p.counted AS other_counted,
       count(*) OVER () AS frames
FROM frame f JOIN ({PLACES}) p USING (file_id)
WHERE (f.session_id, f.counted) IS DISTINCT FROM (p.session_id, p.counted) ORDER BY f.file_id LIMIT $1
"""
MOST_NAMED = 100
"""Frames that are named, of those that are misplaced."""
COUNTS = frozenset({"files", "sky_files", "exposures", "integration_ms", "size_bytes", "sessions"})


@dataclass(frozen=True, slots=True)
class Difference:
    """A row of a table of totals that is not what the frames say. Values are text, by column; None where no row is."""

    table: str
    key: str
    session_id: str | None
    stored: dict[str, str | None] | None
    expected: dict[str, str | None] | None

    @property
    def sentence(self) -> str:
        """What differs, for a person."""
        row = f"{self.table} {self.key}"
        if self.stored is None:
            return f"{row}: the row is missing"
        if self.expected is None:
            return f"{row}: there is a row, and no frame stands behind it"
        parts = (
            f"{name} is {self.stored[name]}, the frames say {value}"
            for name, value in self.expected.items()
            if self.stored[name] != value
        )
        return f"{row}: {'; '.join(parts)}"

    @property
    def only_less(self) -> bool:
        """Whether the frames say less than the row in every count: as when frames were lost."""
        stored, expected = self.stored or {}, self.expected or {}
        return self.stored is not None and all(
            int(expected.get(name) or 0) <= int(value or 0) for name, value in stored.items() if name in COUNTS
        )


async def misplaced(connection: Connection) -> tuple[int, list[str]]:
    """Frames that stand in the wrong session or are counted wrongly: how many, and a sentence for the first of them."""
    rows = await connection.fetch(_MISPLACED, MOST_NAMED)
    return (rows[0]["frames"] if rows else 0), [
        f"frame {row['file_id']}: session {row['session_id']}, counted {row['counted']}; "
        f"expected {row['other_session']}, {row['other_counted']}"
        for row in rows
    ]


async def differences(connection: Connection, derived: Derived) -> list[Difference]:
    """The rows of one table that are not what the frames say."""
    keys = ", ".join(f"coalesce(s.{name}, e.{name})::text AS key_{name}" for name in derived.key)
    sides = ", ".join(f"{side}.{name}::text AS {side}_{name}" for side in "se" for name in derived.values)
    same = " AND ".join(f"s.{name} = e.{name}" for name in derived.key)
    query = f"""
        SELECT {keys}, s.{derived.key[0]} IS NOT NULL AS stored, e.{derived.key[0]} IS NOT NULL AS expected, {sides}
        FROM (SELECT {derived.columns} FROM {derived.table} {KEPT.get(derived.table, "")}) s
        FULL JOIN (SELECT {derived.columns} FROM ({derived.query}) q) e ON {same}
        WHERE {_row("s", derived.values)} IS DISTINCT FROM {_row("e", derived.values)}
           OR (s.{derived.key[0]} IS NULL) <> (e.{derived.key[0]} IS NULL)
        ORDER BY {", ".join(f"key_{name}" for name in derived.key)}
    """
    return [
        Difference(
            derived.table,
            " ".join(row[f"key_{name}"] or "-" for name in derived.key),
            row["key_session_id"] if derived.table in OF_SESSIONS else None,
            {name: row[f"s_{name}"] for name in derived.values} if row["stored"] else None,
            {name: row[f"e_{name}"] for name in derived.values} if row["expected"] else None,
        )
        for row in await connection.fetch(query)
    ]


def _row(side: str, names: Sequence[str]) -> str:
    return f"ROW({', '.join(f'{side}.{name}' for name in names)})"


def suspects(found: Iterable[Difference]) -> list[str]:
    """Sessions of which rather a frame is wrong than a total: totals that are kept apart contradict their frames alike.

    Where one row alone differs, that row is wrong; where rows are only missing, they were lost; where the frames say
    less in every count, frames were lost. All others may hold a frame that was spoilt.
    """
    by_session: dict[str, list[Difference]] = defaultdict(list)
    for one in found:
        if one.session_id is not None:
            by_session[one.session_id].append(one)
    return sorted(
        session_id
        for session_id, rows in by_session.items()
        if len(rows) > 1 and any(row.stored is not None for row in rows) and not all(row.only_less for row in rows)
    )
