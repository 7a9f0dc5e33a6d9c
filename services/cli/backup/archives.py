"""`backup list`: the archives, latest night first."""

from typing import Annotated

import typer

from services.cli.connection import HomeOption, find_stack
from services.cli.filters import CsvOption, JsonOption, LimitOption, Where, YearOption
from services.cli.layout import Column
from services.cli.listing import Listing, Query, show_listing
from services.cli.output import Row, chosen_format
from services.cli.usage import destination_name, named_thing
from shared.quantities import size

SessionOption = Annotated[
    str | None, typer.Option("--session", parser=named_thing, metavar="ID", help="Only of this session.")
]
DestinationOption = Annotated[
    str | None, typer.Option("--destination", parser=destination_name, metavar="NAME", help="Only at this destination.")
]

_QUERY = """
SELECT archive_id, destination, collection_id, night, session_revision, number, phase, state, reason, key, manifest_key,
       files, size_bytes, sent_bytes, stored_bytes, left_out, manifest_sha256, created_at, stored_at, verified_at,
       deep_verified_at, gone_at, gone_reason, next_try_at, unproven_at,
       CASE WHEN phase = 'nothing_new' AND state = 'done' THEN (
           SELECT array_agg(DISTINCT f.key) FROM stats.frames s JOIN backup.archived_file f USING (file_id)
           WHERE s.session_id = a.collection_id AND f.destination = a.destination AND f.state = 'written')
       END AS lies_in
FROM backup.archives a WHERE {where}
"""
_ORDER = "night DESC, collection_id, destination, created_at"


def list_archives(
    session: SessionOption = None,
    year: YearOption = None,
    destination: DestinationOption = None,
    limit: LimitOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    home: HomeOption = None,
) -> None:
    """List archives, latest night first: made, under way, and waiting with the reason."""
    output = chosen_format(as_json=as_json, as_csv=as_csv)
    where = Where()
    if session is not None:
        where.add("collection_id = {}", session)
    if destination is not None:
        where.add("destination = {}", destination)
    if year is not None:
        where.add("extract(year FROM night) = {}", year)
    query = Query(_QUERY.format(where=where.sql), where.parameters)
    listing = Listing(query, _ORDER, ARCHIVE_COLUMNS, "archive", total=query.count)
    show_listing(find_stack(home), listing, output, limit)


def phase_word(row: Row) -> str:
    """How far an archive is, in words of a person."""
    if row["phase"] in ("verified", "unproven", "gone"):
        return str(row["phase"])
    if row["phase"] == "nothing_new" and row["state"] == "done":
        return "nothing new"
    if row["state"] == "running":
        return "proving" if row["phase"] == "stored" else "sending"
    return str(row["state"])


def _size(row: Row) -> str:
    stored = row["stored_bytes"]
    if row["phase"] in ("verified", "unproven", "stored", "gone") and stored is not None:
        return size(stored)
    return f"{size(row['sent_bytes'])} of {size(row['size_bytes'])}" if row["sent_bytes"] else ""


def _where(row: Row) -> str | None:
    """Why there is no archive, or its key; where nothing was new, the archives that have the files."""
    lies_in = row.get("lies_in")
    return row["gone_reason"] or row["reason"] or row["key"] or (lies_in and f"its files lie in {', '.join(lies_in)}")


ARCHIVE_COLUMNS = (
    Column("session", lambda row: row["collection_id"]),
    Column("rev", lambda row: row["session_revision"], "right", spare=2),
    Column("destination", lambda row: row["destination"]),
    Column("state", phase_word),
    Column("files", lambda row: row["files"], "right"),
    Column("left out", lambda row: row["left_out"] or None, "right"),
    Column("stored", _size, "right"),
    Column("verified (UTC)", lambda row: row["verified_at"], spare=1),
    Column("key or reason", _where, fold=True, below=True),
)
