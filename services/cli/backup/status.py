"""`backup status`: destinations, how much of everything each has, what waits and why, and what is left out."""

from typing import TYPE_CHECKING, Any

from services.cli.backup.archives import ARCHIVE_COLUMNS
from services.cli.backup.covered import COVERED, NOT_YET, covered_text, made_since_counted, not_counted
from services.cli.connection import HomeOption, Stack, find_stack, reader, wait_for
from services.cli.layout import Column
from services.cli.match import LinesOption
from services.cli.output import Row, cell_text, counted, print_table, to_json
from shared import inert
from shared.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_SHOWN = 10
LIBRARY = "library"
"""The root that ingest may mend."""
ID_DIGITS = 16
"""Of a file's id, in a command that is to be typed."""
_DESTINATIONS = """
SELECT d.name, d.kind, d.place, d.state, d.problem, d.checked_at, c.files, c.archived, c.archived_bytes, c.unprotected,
       c.unprotected_bytes, c.unreadable, c.unreadable_bytes, c.nights, c.counted_at,
       (SELECT max(verified_at) FROM backup.archives a WHERE a.destination = d.name) AS verified_at,
       (SELECT max(deep_verified_at) FROM backup.archives a WHERE a.destination = d.name) AS deep_verified_at,
       (SELECT count(*)::int FROM backup.archives a WHERE a.destination = d.name AND a.phase = 'unproven') AS unproven,
       (SELECT min(unproven_at) FROM backup.archives a WHERE a.destination = d.name AND a.phase = 'unproven')
           AS unproven_at
FROM backup.destinations d LEFT JOIN backup.coverages c ON c.destination = d.name
WHERE d.state <> 'unused' ORDER BY d.name
"""
_WAITING = """
SELECT archive_id, destination, collection_id, night, session_revision, number, phase, state, reason, key, files,
       size_bytes, sent_bytes, stored_bytes, left_out, verified_at, gone_reason, next_try_at
FROM backup.archives WHERE state IN ('waiting', 'running', 'failed', 'dead') ORDER BY state, created_at LIMIT $1
"""
_LEFT_OUT = """
SELECT file_id, destination, collection_id, root, path, size_bytes, reason FROM backup.left_out_file
ORDER BY root, path, destination LIMIT $1
"""
_CHECKS = """
SELECT destination, kind, finished_at, checked, files, problems, not_read, result FROM backup.last_check
ORDER BY destination, kind DESC
"""
_FINDINGS = """
SELECT f.destination, f.collection_id, f.key, f.what, f.file_id, f.problem, f.found_at, e.elsewhere
FROM backup.findings f
LEFT JOIN LATERAL (
    SELECT min(a.destination) AS elsewhere FROM backup.archived_file a JOIN ingest.absent_file b USING (file_id)
    WHERE a.destination <> f.destination AND a.state = 'written' AND (
        a.file_id = f.file_id OR (f.what = 'missing' AND a.file_id IN (
            SELECT s.file_id FROM stats.frames s WHERE s.session_id = f.collection_id)))) e ON true
WHERE f.mended_at IS NULL ORDER BY f.what = 'member', f.finding_id LIMIT $1
"""
_DUMPS = """
SELECT d.name AS destination, g.key, g.size_bytes, g.dumped_at, l.state, l.reason, u.unproven, u.unproven_at
FROM backup.destinations d
LEFT JOIN LATERAL (SELECT key, size_bytes, dumped_at FROM backup.dumps
                   WHERE destination = d.name AND verified_at IS NOT NULL AND gone_at IS NULL AND unproven_at IS NULL
                   ORDER BY dumped_at DESC LIMIT 1) g ON true
LEFT JOIN LATERAL (SELECT state, reason FROM backup.dumps WHERE destination = d.name
                   ORDER BY created_at DESC LIMIT 1) l ON true
LEFT JOIN LATERAL (SELECT count(*)::int AS unproven, min(unproven_at) AS unproven_at FROM backup.dumps
                   WHERE destination = d.name AND unproven_at IS NOT NULL AND gone_at IS NULL) u ON true
WHERE d.state <> 'unused' ORDER BY d.name
"""
_TAKEN_ELSEWHERE = """
SELECT file_id, root, path, size_bytes, reason, not_read_at, destinations FROM (
    SELECT DISTINCT ON (file_id) file_id, root, path, size_bytes, reason, not_read_at,
           (SELECT array_agg(DISTINCT o.destination) FROM backup.archived_file o
            WHERE o.file_id = t.file_id AND o.state = 'written') AS destinations
    FROM backup.taken_elsewhere t ORDER BY file_id, not_read_at DESC) each
ORDER BY root, path LIMIT $1
"""
_COUNTS = """
SELECT archives, waiting, failed, (SELECT count(*)::int FROM backup.left_out_file) AS left_out,
       (SELECT count(DISTINCT file_id)::int FROM backup.taken_elsewhere) AS taken_elsewhere
FROM backup.counts
"""


def status(as_json: LinesOption = False, home: HomeOption = None) -> None:
    """Show the destinations, how many files each has, what waits and why, and what is left out."""
    stack = find_stack(home)
    found = wait_for(_look(stack))
    if as_json:
        print(to_json(found))
        return
    if found["destinations"]:
        print_table(found["destinations"], _COLUMNS)
        for row in found["destinations"]:
            if row["problem"]:
                print(f"the destination {row['name']} is {row['state']}: {inert.sentence(row['problem'])}")
            if row["unproven"]:
                print(_unproven_line(row))
        print()
    if found["waiting"]:
        print_table(found["waiting"], ARCHIVE_COLUMNS)
        print()
    print("\n".join(_lines(found, _look_interval_s(stack))))


def _look_interval_s(stack: Stack) -> float | None:
    """How often files are counted; None where the settings cannot be read, which other commands tell."""
    from services.backup.settings import BackupSettings

    try:
        return stack.settings.section(BackupSettings).look_interval_s
    except UserError:
        return None


def _lines(found: dict[str, Any], look_interval_s: float | None) -> "Sequence[str]":
    counts = found["counts"]
    lines = [covered_text(found["covered"])]
    quiet = not (counts["waiting"] or counts["failed"] or found["left_out"] or found["findings"])
    if made_since_counted(found["covered"], found["destinations"]):
        lines.append(not_counted(look_interval_s))
    elif found["destinations"] and quiet and found["covered"] and found["covered"]["unprotected"]:
        lines.append(NOT_YET)
    if counts["archives"] or counts["waiting"] or counts["failed"]:
        parts = [f"{counted(counts['archives'], 'archive')} verified", f"{counts['waiting']} under way or waiting"]
        lines.append(", ".join([*parts, f"{counts['failed']} failed"] if counts["failed"] else parts))
    if counts["failed"]:
        lines.append("`nightbus backup retry` tries again what failed")
    for row in found["checks"]:
        what = "restore drill" if row["kind"] == "drill" else "verification"
        said = f"last {what} of {row['destination']}, {row['finished_at']:%Y-%m-%d %H:%M} UTC: {row['result']}"
        lines.append(inert.sentence(said))
    lines += map(_finding_line, found["findings"])
    lines += map(_dump_line, found["dumps"])
    lines += map(_taken_elsewhere_line, found["taken_elsewhere"])
    if counts["taken_elsewhere"] > len(found["taken_elsewhere"]):
        more = counts["taken_elsewhere"] - len(found["taken_elsewhere"])
        lines.append(f"and {more} more: `nightbus sql -- -c 'SELECT * FROM backup.taken_elsewhere'` has all")
    for row in found["left_out"]:
        where = f"{row['root']}/{row['path']} is in no archive at {row['destination']}"
        lines.append(inert.sentence(f"{where}: {row['reason']}"))
    if counts["left_out"] > len(found["left_out"]):
        more = counts["left_out"] - len(found["left_out"])
        lines.append(f"and {more} more: `nightbus sql -- -c 'SELECT * FROM backup.left_out_file'` has all")
    return lines


def _unproven_line(row: "Row") -> str:
    """That a destination lost its marker, and when its archives count again."""
    count = counted(row["unproven"], "archive")
    return (
        f"{count} at {row['name']} {'counts' if row['unproven'] == 1 else 'count'} as unproven: its marker lacked on "
        f"{row['unproven_at']:%Y-%m-%d %H:%M} UTC; once it is there again, a verification counts what is whole"
    )


def _finding_line(row: "Row") -> str:
    """What is wrong at a destination, and how it is mended where nothing on this machine can be archived again."""
    words = f"not mended yet: {inert.sentence(row['problem'])}"
    if row["elsewhere"] is None:
        return words
    what = row["file_id"][:ID_DIGITS] if row["file_id"] else row["collection_id"]
    restore = f"`nightbus backup restore {what} --from {row['elsewhere']}`"
    return (
        f"{words}; it cannot be read in the library and lies good at {row['elsewhere']}: {restore} and "
        "`nightbus ingest restored` bring it home; it is archived again from there, unless backup.copy_across is off"
    )


def _taken_elsewhere_line(row: "Row") -> str:
    """What is wrong with a file here that archives have from another destination, and how it comes home."""
    restore = f"`nightbus backup restore {row['file_id'][:ID_DIGITS]}`"
    home = (
        f"{restore} and `nightbus ingest restored --verify` bring it home"
        if row["root"] == LIBRARY
        else f"{restore} brings it back, to be put in its place"
    )
    good = f"; it lies good at {', '.join(map(inert.name, row['destinations']))}: {home}" if row["destinations"] else ""
    where = inert.name(f"{row['root']}/{row['path']}")
    found = f"{where} is not as it arrived, found on {row['not_read_at']:%Y-%m-%d %H:%M} UTC"
    return f"{found}: {inert.sentence(row['reason'])}{good}"


def _dump_line(row: "Row") -> str:
    """The latest good dump of the database at a destination, those that are unproven, and why there is no later one."""
    if row["dumped_at"] is not None:
        words = f"the database was dumped {cell_text(row['dumped_at'])} UTC to {row['destination']}"
    elif row["unproven"]:
        words = f"no dump of the database at {row['destination']} counts as good"
    else:
        words = f"the database was never dumped to {row['destination']}"
    if row["unproven"]:
        since = f"since its marker lacked on {row['unproven_at']:%Y-%m-%d %H:%M} UTC"
        words += (
            f"; {counted(row['unproven'], 'dump')} there {'is' if row['unproven'] == 1 else 'are'} unproven {since}"
        )
    return inert.sentence(f"{words}; the last try {row['state']}: {row['reason']}" if row["reason"] else words)


async def _look(stack: Stack) -> dict[str, Any]:
    async with reader(stack) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        (counts,) = await connection.fetch(_COUNTS)
        covered = await connection.fetchrow(COVERED)
        return {
            "destinations": [dict(row) for row in await connection.fetch(_DESTINATIONS)],
            "covered": None if covered is None else dict(covered),
            "counts": dict(counts),
            "dumps": [dict(row) for row in await connection.fetch(_DUMPS)],
            "waiting": [dict(row) for row in await connection.fetch(_WAITING, MOST_SHOWN)],
            "checks": [dict(row) for row in await connection.fetch(_CHECKS)],
            "findings": [dict(row) for row in await connection.fetch(_FINDINGS, MOST_SHOWN)],
            "left_out": [dict(row) for row in await connection.fetch(_LEFT_OUT, MOST_SHOWN)],
            "taken_elsewhere": [dict(row) for row in await connection.fetch(_TAKEN_ELSEWHERE, MOST_SHOWN)],
        }


_COLUMNS = (
    Column("destination", lambda row: row["name"]),
    Column("state", lambda row: row["state"]),
    Column("archived", lambda row: row["archived"], "right"),
    Column("unprotected", lambda row: row["unprotected"], "right"),
    Column("unreadable", lambda row: row["unreadable"], "right", spare=2),
    Column("verified (UTC)", lambda row: row["verified_at"]),
    Column("read back (UTC)", lambda row: row["deep_verified_at"], spare=1),
    Column("place", lambda row: row["place"], fold=True, below=True),
)
