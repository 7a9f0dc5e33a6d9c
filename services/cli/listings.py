"""The listings: `files`, `captures`, `sessions`."""

from services.cli import queries
from services.cli.connection import HomeOption, find_stack
from services.cli.filters import (
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
    YearOption,
    make_filters,
)
from services.cli.layout import Column, Noted
from services.cli.listing import Listing, show_listing
from services.cli.output import Row, chosen_format, fixed
from services.cli.reasons import said_of
from shared.proper_name import proper_name
from shared.quantities import duration

ID_CHARS = 12
"""How much of a file's id is shown: enough to be the only one that begins so."""


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
    query = queries.files(filters, missing=missing)
    total = query.count if missing else queries.count_of_files(filters)
    first = None if missing else queries.first_files(filters)
    return Listing(query, queries.FILES_ORDER, _FILE_COLUMNS, "file", total=total, first=first)


def captures_listing(filters: Filters) -> Listing:
    """The listing of targets: the kept totals, or sums over what was asked for."""
    query = queries.captures(filters)
    spread = {"exposure_s_by_filter": queries.FILTERS_OF_CAPTURES}
    return Listing(query, queries.CAPTURES_ORDER, _CAPTURE_COLUMNS, "target", total=query.count, spread=spread)


def sessions_listing(filters: Filters) -> Listing:
    """The listing of sessions."""
    query = queries.sessions(filters)
    spread = {"files_by_type": queries.TYPES_OF_SESSIONS}
    return Listing(query, queries.SESSIONS_ORDER, _SESSION_COLUMNS, "session", total=query.count, spread=spread)


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
    """Since when a file can be read nowhere here, why, and how it comes back from an archive."""
    if row["absent"] == "offline":
        said = f"offline since {row['missing_since']:%Y-%m-%d}"
    elif row["absent_reason"]:
        said = f"removed on {row['missing_since']:%Y-%m-%d}: {said_of(row['path'], row['absent_reason'])}"
    else:
        said = f"gone from the library since {row['missing_since']:%Y-%m-%d}"
    if not row["archives"]:
        return said
    return f"{said}; in the archive {row['archives'][0]}: nightbus backup restore {row['file_id'][:ID_CHARS]}"


def _lies_in(row: Row) -> tuple[str, ...]:
    """Where a content lies: in the library, in an indexed root, or nowhere now; and in which archives."""
    here = f"indexed {row['root']}" if row["lies_in"] == "indexed" else str(row["lies_in"])
    return (here, *(f"archive {name}" for name in row["archives"]))


_FILE_COLUMNS = (
    Column("night", lambda row: row["night"]),
    Column("type", lambda row: row["frame_type"], fold=True, least=9),
    Column("target", _target, fold=True, least=12),
    Column("filter", lambda row: row["filter"], fold=True),
    Column("exposure", lambda row: None if row["exposure_s"] is None else f"{row['exposure_s']:g} s", "right", spare=1),
    Column('FWHM "', lambda row: fixed(row["fwhm_arcsec"], 2), "right"),
    Column("stars", lambda row: row["star_count"], "right"),
    Column("lies in", _lies_in, fold=True, spare=2),
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
