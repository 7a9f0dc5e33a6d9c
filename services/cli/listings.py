"""The listings: `files`, `captures`, `sessions`."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from services.cli.connection import HomeOption, find_stack, reader, wait_for
from services.cli.filters import (
    TABLE_LIMIT,
    CameraOption,
    CsvOption,
    DateOption,
    FilterOption,
    Filters,
    JsonOption,
    LimitOption,
    MissingOption,
    ObjectOption,
    RigOption,
    SinceOption,
    TypeOption,
    UncertainOption,
    UntilOption,
    Where,
    YearOption,
    make_filters,
)
from services.cli.layout import Column, Noted
from services.cli.output import Format, Row, chosen_format, counted, fixed, print_table, write_csv, write_json
from services.cli.reasons import said_of
from shared.proper_name import proper_name
from shared.quantities import duration

if TYPE_CHECKING:
    import asyncpg

    from services.cli.connection import Stack

_PREFETCH = 1000

_FILES = """
SELECT f.*, a.since AS missing_since, a.state AS absent, a.reason AS absent_reason
FROM (SELECT * FROM stats.files WHERE {where}) f
LEFT JOIN ingest.absent_file a USING (file_id)
"""
_ABSENT = "file_id IN (SELECT file_id FROM ingest.absent_file)"
_FILES_ORDER = "night DESC NULLS LAST, observed_at DESC NULLS LAST, path"

_CAPTURES = """
SELECT c.*, (SELECT jsonb_object_agg(f.filter, f.integration_s) FROM stats.capture_filters f
             WHERE f.catalog_id = c.catalog_id) AS exposure_s_by_filter, n.first_night, n.last_night
FROM stats.captures c
LEFT JOIN (SELECT t.catalog_id, min(s.night) AS first_night, max(s.night) AS last_night
           FROM stats.session_targets t JOIN stats.sessions s USING (session_id) GROUP BY 1) AS n USING (catalog_id)
WHERE {where}
"""
_CAPTURES_OF_FRAMES = """
WITH frame AS (
    SELECT catalog_id, coalesce(filter, '') AS filter, coalesce(total_exposure_s, exposure_s, 0) AS seconds,
           session_id, night, observed_at, fwhm_arcsec, star_count, target_uncertain
    FROM stats.files WHERE counted AND catalog_id IS NOT NULL AND {frames}
), by_filter AS (
    SELECT catalog_id, jsonb_object_agg(filter, seconds) AS exposure_s_by_filter
    FROM (SELECT catalog_id, filter, sum(seconds) AS seconds FROM frame GROUP BY 1, 2) AS sums GROUP BY 1
), found AS (
    SELECT catalog_id, count(*) AS total_frames, sum(seconds) AS total_exposure_s,
           count(DISTINCT session_id) AS total_sessions, min(observed_at) AS first_captured_at,
           max(observed_at) AS last_captured_at, min(night) AS first_night, max(night) AS last_night,
           min(fwhm_arcsec) AS best_fwhm_arcsec,
           max(star_count) AS best_star_count,
           count(*) FILTER (WHERE target_uncertain) AS uncertain_frames
    FROM frame GROUP BY 1
)
SELECT catalog_id, c.name, f.total_frames, f.total_exposure_s, f.total_sessions, f.first_captured_at,
       f.last_captured_at, f.best_fwhm_arcsec, f.best_star_count, c.status, c.updated_at,
       f.uncertain_frames, b.exposure_s_by_filter,
       f.first_night, f.last_night
FROM found f JOIN by_filter b USING (catalog_id) JOIN stats.captures c USING (catalog_id) WHERE {where}
"""
_FILTERS = {"exposure_s_by_filter": "SELECT DISTINCT filter FROM stats.capture_filters ORDER BY 1"}
_CAPTURES_ORDER = "total_exposure_s DESC, catalog_id"

_SESSIONS = "SELECT s.* FROM stats.sessions s WHERE {where}"
_TYPES = {"files_by_type": "SELECT DISTINCT jsonb_object_keys(files_by_type) FROM stats.sessions ORDER BY 1"}
_SESSIONS_ORDER = "night DESC, rig, session_id"


@dataclass(frozen=True, slots=True)
class Listing:
    """A query, its order and its columns."""

    query: str
    order: str
    parameters: Sequence[Any]
    columns: Sequence[Column]
    noun: str
    """What one row is."""
    spread: Mapping[str, str] = field(default_factory=dict)
    """Fields that are mappings, with the query of their keys: CSV has a column for each."""

    async def show(self, connection: "asyncpg.Connection", output: Format, limit: int | None) -> None:
        """Print the rows; a table says how many it left out."""
        statement = f"{self.query} ORDER BY {self.order}"
        if output is Format.TABLE:
            limit = limit or TABLE_LIMIT
            rows: list[Any] = await connection.fetch(f"{statement} LIMIT {limit}", *self.parameters)
            note = f"no {self.noun}s" if not rows else ""
            if len(rows) == limit:
                total = await connection.fetchval(f"SELECT count(*) FROM ({self.query}) AS x", *self.parameters)
                note = f"{counted(total - limit, f'more {self.noun}')} left out; --limit shows more"
                note = note if total > limit else ""
            print_table(rows, self.columns, note=note) if rows else print(note)
            return
        if limit is not None:
            statement += f" LIMIT {limit}"
        async with connection.transaction(readonly=True):
            prepared = await connection.prepare(statement)
            found = _rows(prepared, self.parameters)
            if output is Format.JSON:
                await write_json(found)
            else:
                keys = {name: [row[0] for row in await connection.fetch(query)] for name, query in self.spread.items()}
                await write_csv(found, [attribute.name for attribute in prepared.get_attributes()], keys)


async def _rows(prepared: Any, parameters: Sequence[Any]) -> AsyncIterator[Row]:
    async for row in prepared.cursor(*parameters, prefetch=_PREFETCH):
        yield dict(row)


def show_listing(stack: "Stack", listing: Listing, output: Format, limit: int | None) -> None:
    """Print a listing of the database."""

    async def work() -> None:
        async with reader(stack) as connection:
            await listing.show(connection, output, limit)

    wait_for(work())


def files(
    objects: ObjectOption = None,
    filters: FilterOption = None,
    on: DateOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    rig: RigOption = None,
    camera: CameraOption = None,
    frame_type: TypeOption = None,
    year: YearOption = None,
    uncertain: UncertainOption = False,
    missing: MissingOption = False,
    limit: LimitOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    home: HomeOption = None,
) -> None:
    """List files, newest night first, with what was found in each; an OBJECT in brackets is no known target.

    What is wrong with a file stands below it, after a !.
    """
    output = chosen_format(as_json=as_json, as_csv=as_csv)
    chosen = make_filters(objects, filters, on, since, until, rig, camera, frame_type, year, uncertain=uncertain)
    show_listing(find_stack(home), files_listing(chosen, missing=missing), output, limit)


def captures(
    objects: ObjectOption = None,
    filters: FilterOption = None,
    on: DateOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    rig: RigOption = None,
    camera: CameraOption = None,
    frame_type: TypeOption = None,
    year: YearOption = None,
    uncertain: UncertainOption = False,
    limit: LimitOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    home: HomeOption = None,
) -> None:
    """List targets with their integration, most first; filters restrict what is summed up."""
    output = chosen_format(as_json=as_json, as_csv=as_csv)
    chosen = make_filters(objects, filters, on, since, until, rig, camera, frame_type, year, uncertain=uncertain)
    show_listing(find_stack(home), captures_listing(chosen), output, limit)


def sessions(
    objects: ObjectOption = None,
    filters: FilterOption = None,
    on: DateOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    rig: RigOption = None,
    camera: CameraOption = None,
    frame_type: TypeOption = None,
    year: YearOption = None,
    limit: LimitOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    home: HomeOption = None,
) -> None:
    """List sessions (one night of one rig), newest first."""
    output = chosen_format(as_json=as_json, as_csv=as_csv)
    chosen = make_filters(objects, filters, on, since, until, rig, camera, frame_type, year)
    show_listing(find_stack(home), sessions_listing(chosen), output, limit)


def files_listing(filters: Filters, *, missing: bool = False) -> Listing:
    """The listing of files; ``missing``: only those that can be read nowhere now."""
    where = filters.for_files()
    if missing:
        where.conditions.append(_ABSENT)
    return Listing(_FILES.format(where=where.sql), _FILES_ORDER, where.parameters, _FILE_COLUMNS, "file")


def captures_listing(filters: Filters) -> Listing:
    """The listing of targets: the kept totals, or sums over the frames that were asked for."""
    if not filters.any_of_frames:
        where = filters.for_captures()
        query = _CAPTURES.format(where=where.sql)
        return Listing(query, _CAPTURES_ORDER, where.parameters, _CAPTURE_COLUMNS, "target", _FILTERS)
    frames = filters.for_files(frames_only=True)
    targets = Where(parameters=frames.parameters)  # numbered on, since both are of one statement
    if filters.objects:
        targets.add(filters.target_condition, filters.target_patterns)
    query = _CAPTURES_OF_FRAMES.format(frames=frames.sql, where=targets.sql)
    return Listing(query, _CAPTURES_ORDER, targets.parameters, _CAPTURE_COLUMNS, "target", _FILTERS)


def sessions_listing(filters: Filters) -> Listing:
    """The listing of sessions."""
    where = filters.for_sessions()
    query = _SESSIONS.format(where=where.sql)
    return Listing(query, _SESSIONS_ORDER, where.parameters, _SESSION_COLUMNS, "session", _TYPES)


def _by_filter(row: Row) -> tuple[str, ...]:
    parts = row["exposure_s_by_filter"] or {}
    return tuple(f"{name or '-'} {duration(seconds)}" for name, seconds in sorted(parts.items()))


def _target(row: Row) -> str | None:
    """The target, with a ? where it is uncertain; in brackets an OBJECT that is none that is known."""
    if row["catalog_id"]:
        return f"{row['catalog_id']} ?" if row["target_uncertain"] else str(row["catalog_id"])
    return f"({row['object_name']})" if row["object_name"] else None


def _captured(row: Row) -> str:
    """The target, with a ? where any of its exposures is uncertain; how many, their column says."""
    return f"{row['catalog_id']} ?" if row["uncertain_frames"] else str(row["catalog_id"])


def _exposures(row: Row) -> str:
    doubtful = row["uncertain_frames"]
    return f"{row['total_frames']} ({doubtful} ?)" if doubtful else str(row["total_frames"])


def _name(row: Row) -> str | None:
    return proper_name(row["catalog_id"], row["name"])


def _types(row: Row) -> tuple[str, ...]:
    return tuple(f"{count} {name}" for name, count in sorted((row["files_by_type"] or {}).items()))


def _file(row: Row) -> str | Noted:
    """Where a file is; below it what keeps it from being scanned, that it has gone, or what is wrong with it."""
    path = f"{row['root']}/{row['path']}"
    reason = said_of(row["path"], row["reason"]) if row["reason"] else None
    if row["state"] != "scanned":
        return Noted(path, f"{row['state']}: {reason}" if reason else row["state"])
    if reason:  # it was read, and cannot be read any more
        return Noted(path, f"cannot be read anew: {reason}")
    if row["absent"] is not None:
        return Noted(path, _absent(row))
    problems = row["problems"] or ()
    if not problems:
        return path
    first = said_of(row["path"], problems[0])
    return Noted(path, f"! {first}" if len(problems) == 1 else f"! {len(problems)} problems: {first}", brief=True)


def _absent(row: Row) -> str:
    """Since when a file can be read nowhere, and why."""
    if row["absent"] == "offline":
        return f"offline since {row['missing_since']:%Y-%m-%d}"
    if row["absent_reason"]:
        return f"removed on {row['missing_since']:%Y-%m-%d}: {said_of(row['path'], row['absent_reason'])}"
    return f"gone from the library since {row['missing_since']:%Y-%m-%d}"


_FILE_COLUMNS = (
    Column("night", lambda row: row["night"]),
    Column("type", lambda row: row["frame_type"], fold=True, least=9),
    Column("target", _target, fold=True, least=12),
    Column("filter", lambda row: row["filter"], fold=True),
    Column("exposure", lambda row: None if row["exposure_s"] is None else f"{row['exposure_s']:g} s", "right", spare=1),
    Column('FWHM "', lambda row: fixed(row["fwhm_arcsec"], 2), "right"),
    Column("stars", lambda row: row["star_count"], "right"),
    Column("file", _file, fold=True, lines=2, least=14, below=True),
)
_CAPTURE_COLUMNS = (
    Column("target", _captured),
    Column("name", _name, fold=True),
    Column("total", lambda row: duration(row["total_exposure_s"]), "right"),
    Column("by filter", _by_filter, fold=True),
    Column("exposures", _exposures, "right", spare=2),
    Column("sessions", lambda row: row["total_sessions"], "right", spare=3),
    Column('best FWHM "', lambda row: fixed(row["best_fwhm_arcsec"], 2), "right"),
    Column("first night", lambda row: row["first_night"], spare=1),
    Column("last night", lambda row: row["last_night"]),
)
_SESSION_COLUMNS = (
    Column("night", lambda row: row["night"]),
    Column("rig", lambda row: row["rig"], fold=True),
    Column("targets", lambda row: tuple(row["catalog_ids"] or ()), fold=True),
    Column("integration", lambda row: duration(row["integration_s"]), "right"),
    Column("exposures", lambda row: row["exposures"], "right", spare=2),
    Column("files", _types, fold=True),
    Column("state", lambda row: row["state"]),
    Column("session", lambda row: row["session_id"], spare=1),
)
