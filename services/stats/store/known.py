"""Comparing the rows of files with what ingest knows of them, and the rules that rows of this schema keep.

Ingest alone places files: its view ``ingest.known_file`` says what should be here. A row that contradicts it is wrong,
and a file of which nothing is here was lost: both are read anew, in ``upkeep``.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from shared.bus.transaction import Connection
from shared.db import total

_CONTRADICTS = """
(f.size_bytes, f.source, f.origin, f.arrived_at) <> (k.size_bytes, k.source, k.origin, k.arrived_at)
OR f.scan_revision <> k.scan_revision OR (k.readable AND NOT EXISTS (
    SELECT FROM ingest.file_location l WHERE (l.file_id, l.root, l.path) = (f.file_id, f.root, f.path)))
"""
_BECOME = "greatest(fr.scan_revision, q.attempt, p.scan_revision)"
"""The highest revision of which something became of a file; one that arrived has at least a row that it waits."""
_RECENT = f"""
(k.announced_at >= $1
 AND NOT (f.scan_revision IS NOT DISTINCT FROM k.scan_revision AND coalesce({_BECOME}, 0) < k.scan_revision))
"""
"""Files whose rows may still be on their way; where the arrival is here and nothing of its scan, a row was lost."""
_ROWS_OF = """
FROM ingest.known_file k
LEFT JOIN file f ON f.file_id = k.file_id
LEFT JOIN frame fr ON fr.file_id = k.file_id
LEFT JOIN quarantine q ON q.quarantine_key = k.file_id
LEFT JOIN pending p ON p.file_id = k.file_id
"""
_JUDGED = f"""
SELECT file_id, what FROM (
    SELECT k.file_id, CASE
        WHEN f.file_id IS NULL THEN 'file: the row is missing'
        WHEN {_CONTRADICTS} THEN 'file: the row is not what ingest knows'
        WHEN fr.scan_revision > k.scan_revision OR (fr.size_bytes, fr.source, fr.arrived_at)
            <> (k.size_bytes, k.source, k.arrived_at) THEN 'frame: the row is not of the file that ingest knows'
        WHEN q.attempt > k.scan_revision THEN 'quarantine: the row is of a revision that is not there'
        WHEN coalesce({_BECOME}, 0) < k.scan_revision THEN 'frame: what became of the file is lost'
        END AS what
    {_ROWS_OF} WHERE NOT {_RECENT}
) x WHERE what IS NOT NULL
"""
"""What is wrong with the rows of each file that ingest announced before a time, as ``table: words``."""
_NOT_COMPARED = f"SELECT count(*) {_ROWS_OF} WHERE {_RECENT}"
_LOST = f"SELECT file_id, what, count(*) OVER () AS files FROM ({_JUDGED}) y ORDER BY file_id LIMIT $2"
_NEXT = f"SELECT file_id FROM ({_JUDGED}) y WHERE file_id > $3 ORDER BY file_id LIMIT $2"
_UNKNOWN = """
SELECT 'file' AS table, count(*) AS rows FROM file f
WHERE NOT EXISTS (SELECT FROM ingest.known_file k WHERE k.file_id = f.file_id)
UNION ALL SELECT 'frame', count(*) FROM frame f
WHERE NOT EXISTS (SELECT FROM ingest.known_file k WHERE k.file_id = f.file_id)
"""
_UNSENT = "SELECT oldest_at FROM ingest.unsent"
_DROP = (
    f"""
    DELETE FROM file f USING ingest.known_file k
    WHERE f.file_id = k.file_id AND k.announced_at < $1 AND ({_CONTRADICTS})
    """,
    """
    UPDATE frame f SET scan_revision = k.scan_revision FROM ingest.known_file k
    WHERE f.file_id = k.file_id AND k.announced_at < $1 AND f.scan_revision > k.scan_revision
    """,
    """
    DELETE FROM quarantine q USING ingest.known_file k
    WHERE q.quarantine_key = k.file_id AND k.announced_at < $1 AND q.attempt > k.scan_revision
    """,
)
"""What would keep the file's next revision from being taken for the newest."""
_READABLE = """
SELECT file_id FROM ingest.known_file
WHERE file_id = ANY($1::text[]) AND readable AND announced_at < $2 ORDER BY file_id
"""


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows that break a rule of the schema, and what puts them right."""

    table: str
    key: str
    wrong: str
    """FROM and WHERE of the rows that are wrong."""
    words: str
    mend: str


_NOT_WAITING = """
NOT EXISTS (SELECT FROM file f WHERE f.file_id = p.file_id AND f.scan_revision = p.scan_revision)
OR EXISTS (SELECT FROM frame fr WHERE fr.file_id = p.file_id AND fr.scan_revision >= p.scan_revision)
OR EXISTS (SELECT FROM quarantine q WHERE q.quarantine_key = p.file_id AND q.attempt >= p.scan_revision)
"""
_WRONG_WAIT = "f.file_id = p.file_id AND (p.source <> f.source OR p.waiting_since > f.announced_at)"
_NOT_QUARANTINED = """
q.file_id <> q.quarantine_key
OR EXISTS (SELECT FROM frame fr WHERE fr.file_id = q.quarantine_key AND fr.scan_revision >= q.attempt)
"""
_NOT_KEPT = """
FROM frame f WHERE NOT EXISTS (SELECT FROM event e WHERE e.event_no = f.event_no)
  AND NOT EXISTS (SELECT FROM unkept u WHERE u.file_id = f.file_id)
"""
_KEPT = "EXISTS (SELECT FROM frame f JOIN event e USING (event_no) WHERE f.file_id = u.file_id)"
_ARRIVALS = "SELECT source, least(max(arrived_at), clock_timestamp()) AS last_arrived_at FROM file GROUP BY source"
_WRONG_SOURCE = (
    "o.source IS NULL OR o.last_arrived_at IS NULL OR o.last_arrived_at > clock_timestamp() + interval '1 day'"
)
RULES = (
    *(
        Rule(f"{table}_total", f"'{table}'", f"FROM ({total.difference(table)}) d", "not the files and bytes it has",
             total.mending(table))
        for table in ("file", "frame")
    ),
    Rule("pending", "p.file_id", f"FROM pending p WHERE {_NOT_WAITING}", "nothing is waited for",
         f"DELETE FROM pending p WHERE {_NOT_WAITING}"),
    Rule("pending", "p.file_id", f"FROM pending p JOIN file f ON {_WRONG_WAIT}", "not the file's source and time",
         f"""
         UPDATE pending p SET source = f.source, waiting_since = least(p.waiting_since, f.announced_at)
         FROM file f WHERE {_WRONG_WAIT}
         """),
    Rule("quarantine", "q.quarantine_key", f"FROM quarantine q WHERE {_NOT_QUARANTINED}", "the file was scanned",
         f"DELETE FROM quarantine q WHERE {_NOT_QUARANTINED}"),
    Rule("frame", "f.file_id", _NOT_KEPT, "its event is not kept; the file is read anew in the background",
         f"INSERT INTO unkept (file_id) SELECT f.file_id {_NOT_KEPT} ON CONFLICT DO NOTHING"),
    Rule("unkept", "u.file_id", f"FROM unkept u WHERE {_KEPT}", "its event is kept",
         f"DELETE FROM unkept u WHERE {_KEPT}"),
    Rule("source", "a.source", f"FROM ({_ARRIVALS}) a LEFT JOIN source o USING (source) WHERE {_WRONG_SOURCE}",
         "its last arrival is not known",
         f"""
         INSERT INTO source AS o (source, last_arrived_at)
         SELECT a.source, a.last_arrived_at FROM ({_ARRIVALS}) a LEFT JOIN source o USING (source) WHERE {_WRONG_SOURCE}
         ON CONFLICT (source) DO UPDATE SET last_arrived_at = excluded.last_arrived_at
         """),
    Rule("session", "s.session_id", "FROM session s WHERE s.untold IS NOT NULL", "it could not be told",
         "UPDATE session SET untold = NULL WHERE untold IS NOT NULL"),
    Rule("session", "s.session_id", """
         FROM session s LEFT JOIN told t ON t.key = s.session_id
         WHERE (s.revision > 0 OR t.key IS NOT NULL)
           AND (s.revision, s.finished_at) IS DISTINCT FROM (t.revision, t.told_at)
         """, "its revision is not the one that was told", ""),
    Rule("target", "g.catalog_id", """
         FROM target g LEFT JOIN told t ON t.key = g.catalog_id
         WHERE ((g.published_revision > 0 OR t.key IS NOT NULL)
                AND (g.published_revision, g.published_at) IS DISTINCT FROM (t.revision, t.told_at))
            OR g.revision < g.published_revision
         """, "its revision is not the one that was told", ""),
)  # fmt: skip
"""``mend`` is empty where a rebuild puts right what is wrong."""


async def settled_before(connection: Connection, read_until: datetime) -> datetime:
    """Until when what ingest announced must have come to be known here: it is sent, and was read."""
    unsent: datetime | None = await connection.fetchval(_UNSENT)
    return read_until if unsent is None else min(read_until, unsent)


async def lost(connection: Connection, announced_before: datetime, most: int) -> tuple[int, list[str]]:
    """Files that ingest announced before a time and that are not here as it knows them: how many, and the first."""
    rows = await connection.fetch(_LOST, announced_before, most)
    parts = ((row["file_id"], *row["what"].split(": ")) for row in rows)
    return (rows[0]["files"] if rows else 0), [f"{table} {file_id}: {words}" for file_id, table, words in parts]


async def not_compared(connection: Connection, announced_before: datetime) -> int:
    """How many files were announced later, so that their rows may still be on their way."""
    count: int = await connection.fetchval(_NOT_COMPARED, announced_before)
    return count


async def lost_after(connection: Connection, announced_before: datetime, after: str, most: int) -> list[str]:
    """The next ids of such files, in order."""
    return [row[0] for row in await connection.fetch(_NEXT, announced_before, most, after)]


async def readable(connection: Connection, file_ids: Collection[str], announced_before: datetime) -> list[str]:
    """Those of some files that lie somewhere and were last announced before a time."""
    if not file_ids:
        return []
    return [row[0] for row in await connection.fetch(_READABLE, list(file_ids), announced_before)]


async def unknown(connection: Connection) -> dict[str, int]:
    """How many rows of each table are of files that ingest does not know."""
    return {row["table"]: row["rows"] for row in await connection.fetch(_UNKNOWN) if row["rows"]}


async def breaking(connection: Connection, rule: Rule) -> list[str]:
    """The keys of the rows that break a rule, in order."""
    return [row[0] for row in await connection.fetch(f"SELECT {rule.key} {rule.wrong} ORDER BY 1")]


async def mend(connection: Connection, rule: Rule) -> None:
    """Put right what breaks a rule, where no rebuild does."""
    if rule.mend:
        await connection.execute(rule.mend)


async def drop_contradictions(connection: Connection, announced_before: datetime) -> None:
    """Take away what contradicts ingest of files that are about to be read anew."""
    for statement in _DROP:
        await connection.execute(statement, announced_before)
