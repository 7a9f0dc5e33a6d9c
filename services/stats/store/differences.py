"""Comparing the totals with the frames: read from one snapshot, so that writers need not wait."""

from collections.abc import Sequence

from services.stats.check import Difference
from services.stats.store.derived import KEPT, OF_SESSIONS, PLACES, Derived
from shared.bus.transaction import Connection

_MISPLACED = f"""
SELECT f.file_id, f.session_id, f.counted, p.session_id AS other_session, p.counted AS other_counted,
       count(*) OVER () AS frames
FROM frame f JOIN ({PLACES}) p USING (file_id)
WHERE (f.session_id, f.counted) IS DISTINCT FROM (p.session_id, p.counted) ORDER BY f.file_id LIMIT $1
"""
MOST_NAMED = 100
"""Frames that are named, of those that are misplaced."""


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
