"""``nightbus demo``: a simulated night through the real stack, and what came of it, in words.

1. The stack starts in a home of its own; two sources watch empty folders, as a NAS does in the evening.
2. The simulation plays: a Seestar and a mono rig write their night.
3. When everything has been handled, the tables a person asks for in the morning are printed from the database.
4. Lights that have their masters are shown, and lights that lack one, with the reason (``demo_calibration``).
5. The night is archived, one frame is brought back from there, and both are shown (``demo_backup``).
"""

import asyncio
import contextlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from services.standalone import calling
from services.standalone.demo_backup import HURRY as BACKUP_HURRY
from services.standalone.demo_backup import destination_of, show_backup, stand_in
from services.standalone.demo_calibration import HURRY as CALIBRATION_HURRY
from services.standalone.demo_calibration import show_calibration
from services.standalone.home import Home
from services.standalone.readablelog import LOG_FILE, ReadableLog
from services.standalone.simulation import DEFAULT_END_NIGHT, FULL, Anomaly, NightManifest, simulate, simulate_masters
from services.standalone.stack import Stack
from shared import inert
from shared.db.roles import COMMAND_LINE
from shared.errors import Transient, UserError
from shared.logging import configure_logging
from shared.proper_name import proper_name
from shared.quantities import duration, size
from shared.settings import LogSettings
from shared.words import longest, pieces, wrapped

FINISH_TIMEOUT_S = 600.0
POLL_S = 0.5
HURRY = {
    # A demonstration has no hour to wait: the same rules with seconds instead of minutes.
    "NIGHTBUS_INGEST__SETTLE_S": "1",
    "NIGHTBUS_INGEST__INCOMPLETE_WAIT_S": "4",
    "NIGHTBUS_STATS__SESSION_QUIET_S": "6",
    "NIGHTBUS_STATS__SESSION_CHECK_INTERVAL_S": "1",
    "NIGHTBUS_STATS__SESSION_REVISION_INTERVAL_S": "5",
}


_NEVER_ARRIVES = {
    Anomaly.DUPLICATE: ("second copy of a file", "second copies of files"),
    Anomaly.UNFINISHED: ("unfinished upload (.part)", "unfinished uploads (.part)"),
}
"""What stays out: a second copy is already here, and an upload that stopped stays where it is. One, and several."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the demonstration's files are."""

    captures: Path
    home: Path
    kept: bool


def demo(keep: Path | None, nights: int, seed: int) -> int:
    """Play ``nights`` simulated nights; returns the process's exit code.

    Args:
        keep: folder in which captures, library and database stay; None for a temporary one.
        nights: how many.
        seed: the same seed makes the same night.

    Raises:
        NightbusError: the stack did not come up or did not finish; one sentence.
    """
    console = Console()
    if not console.is_terminal:
        console = Console(width=100)
    with (
        _place(keep) as place,
        _announced(console, place, nights),
        Home.open(place.home) as home,
        ReadableLog(home.log / LOG_FILE, terminal=False) as log,
    ):
        asyncio.run(_play(console, place, home, log, nights, seed))
    return 0


@contextlib.contextmanager
def _announced(console: Console, place: Place, nights: int) -> Iterator[None]:
    """Say what will be written and where, before anything is.

    Raises:
        UserError: the disk has no room for it.
    """
    need_bytes = 3 * nights * FULL.size_bytes  # the captures, their copies in the library, and the archives of these
    free_bytes = shutil.disk_usage(place.captures.parent).free
    many = f"{nights} nights" if nights > 1 else "A night"
    many = f"{many}, the library's copy and the archive of {'them' if nights > 1 else 'it'}"
    words = f"{many}: about {size(need_bytes)}, in {place.captures.parent}"
    if not place.kept:
        words += " (removed at the end)"
    if need_bytes > free_bytes:
        raise UserError(f"{words}; but only {size(free_bytes)} are free there: play fewer nights, or use another disk")
    console.print(inert.printable(words), soft_wrap=True, markup=False)
    yield


@contextlib.contextmanager
def _place(keep: Path | None) -> Iterator[Place]:
    if keep is not None:
        if os.path.exists(keep / "captures"):  # noqa: PTH110 - a Path raises for a name that is too long
            raise UserError(f"{keep} already holds a demonstration: choose another folder for --keep")
        try:
            keep.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{keep} cannot be the folder for --keep: {error.strerror}") from error
        yield Place(keep.resolve() / "captures", keep.resolve() / "home", kept=True)
        return
    with tempfile.TemporaryDirectory(prefix="nightbus-demo-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # ours alone; the servers' unprivileged account has to pass through it
        yield Place(folder / "captures", folder / "home", kept=False)


async def _play(console: Console, place: Place, home: Home, log: ReadableLog, nights: int, seed: int) -> None:
    configure_logging(LogSettings(level="error"), "demo")
    async with stand_in() as bucket:
        destinations = [destination_of(home.path), *([bucket] if bucket is not None else [])]
        environment = {
            **HURRY,
            **BACKUP_HURRY,
            **CALIBRATION_HURRY,
            "NIGHTBUS_SOURCES": json.dumps(_sources(place)),
            "NIGHTBUS_LIBRARY__PATH": str(home.path / "library"),
            "NIGHTBUS_DESTINATIONS": json.dumps(destinations),
        }
        await _play_with(environment, console, place, home, log, nights, seed)
    _print_where_next(console, place)


async def _play_with(
    environment: dict[str, str],
    console: Console,
    place: Place,
    home: Home,
    log: ReadableLog,
    nights: int,
    seed: int,
) -> None:
    stack = Stack(home, extra_environment=environment, log_line=log.line)
    started = time.monotonic()
    console.print("Starting PostgreSQL, NATS and the services ...")
    try:
        for sentence in await stack.start():
            console.print(sentence)
        ready_s = time.monotonic() - started
        console.print(f"  ready after {ready_s:.1f} s\nPlaying {nights} simulated night{'s' * (nights > 1)} ...")
        masters = await asyncio.to_thread(
            simulate_masters, place.captures, night=DEFAULT_END_NIGHT, seed=seed, profile=FULL
        )
        manifests = [masters, *await asyncio.to_thread(simulate, place.captures, nights=nights, seed=seed)]
        written = sum(len(manifest.files) for manifest in manifests)
        size_mb = sum(item.size_bytes for manifest in manifests for item in manifest.files) / 1e6
        console.print(
            f"  {written} files, {size_mb:.0f} MB written by a Seestar S50 and a mono rig, and masters for the latter"
        )
        connection = await asyncpg.connect(stack.postgres.dsn(COMMAND_LINE.name, "nightbus"))
        try:
            await _until_handled(console, connection, manifests)
            await _print_sum(console, connection, manifests)
            await _print_summary(console, connection)
            await show_calibration(console, connection, masters)
            await show_backup(console, connection, home.path, environment)
        finally:
            await connection.close()
    finally:
        await stack.stop()
    console.print(f"\nDone in {time.monotonic() - started:.0f} s. The sources were only read; nothing was deleted.")


def _sources(place: Place) -> list[dict[str, object]]:
    """The sources exist before the first file, as a share does in the evening."""
    folders = {
        "seestar": place.captures / "MyWorks",
        "nina": place.captures / "NINA",
        "masters": place.captures / "Masters",
    }
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    return [
        {"name": name, "path": str(folder), "mode": "copy", "walk_interval_s": 3, "time_zone": "America/Denver"}
        for name, folder in folders.items()
    ]


async def _until_handled(console: Console, connection: asyncpg.Connection, manifests: list[NightManifest]) -> None:
    """Wait until every file that should arrive has been scanned or quarantined, and every session is finished."""
    expected = sum(1 for manifest in manifests for item in manifest.files if item.anomaly not in _NEVER_ARRIVES)
    deadline = time.monotonic() + FINISH_TIMEOUT_S
    said = ""
    while time.monotonic() < deadline:
        counts = await connection.fetchrow(
            "SELECT files, scanned, quarantined, waiting, open_sessions FROM stats.counts"
        )
        assert counts is not None
        line = f"  {counts['files']} of {expected} arrived, {counts['scanned']} scanned"
        line += f", {counts['quarantined']} quarantined"
        if line != said:
            console.print(line)
            said = line
        if counts["files"] >= expected and counts["waiting"] == 0 and counts["open_sessions"] == 0:
            return
        await asyncio.sleep(POLL_S)
    raise Transient(f"the demonstration did not finish within {FINISH_TIMEOUT_S:.0f} s:{said}")


async def _print_sum(console: Console, connection: asyncpg.Connection, manifests: list[NightManifest]) -> None:
    """What became of every file that was written: the numbers above add up."""
    files = [item for manifest in manifests for item in manifest.files]
    counts = await connection.fetchrow("SELECT files, scanned, quarantined FROM stats.counts")
    assert counts is not None
    parts = [f"{counts['files']} arrived"]
    for anomaly, (one, several) in _NEVER_ARRIVES.items():
        if count := sum(item.anomaly is anomaly for item in files):
            parts.append(f"{count} {one if count == 1 else several}")
    console.print(f"  {len(files)} files written = {' + '.join(parts)}", soft_wrap=True)
    console.print(f"  {counts['files']} arrived = {counts['scanned']} scanned + {counts['quarantined']} quarantined")


async def _print_summary(console: Console, connection: asyncpg.Connection) -> None:
    console.print()
    console.print(_captures_table(await connection.fetch(_CAPTURES)))
    console.print(_sessions_table(await connection.fetch(_SESSIONS)))
    remarks = Table(title_justify="left")
    remarks.add_column("file", overflow="fold")
    remarks.add_column("why", overflow="fold")
    found = [await connection.fetch(query) for query in (_QUARANTINED, _PROBLEMS, _NO_TARGET, _UNUSUAL)]
    for row in (row for rows in found for row in rows):
        remarks.add_row(_Whole(row["path"].rpartition("/")[2]), row["why"].removeprefix(f"{row['path']}: "))
    remarks.title = f"Quarantined ({len(found[0])}), or worth a look ({sum(map(len, found[1:]))})"
    console.print(remarks)


def _captures_table(rows: list[asyncpg.Record]) -> Table:
    table = Table(title="What was captured", title_justify="left")
    for name in ("target", "integration", "by filter", "subs", "sessions", "best FWHM"):
        table.add_column(name, justify="right" if name in ("integration", "subs", "sessions", "best FWHM") else "left")
    for row in rows:
        target = " ".join(filter(None, (row["catalog_id"], proper_name(row["catalog_id"], row["name"]))))
        filters = _Whole([f"{item['filter']} {duration(item['s'])}" for item in json.loads(row["filters"])])
        best = f'{row["best_fwhm_arcsec"]:.1f}"' if row["best_fwhm_arcsec"] else "-"
        table.add_row(
            target,
            duration(row["total_exposure_s"]),
            filters,
            str(row["total_frames"]),
            str(row["total_sessions"]),
            best,
        )
    return table


def _sessions_table(rows: list[asyncpg.Record]) -> Table:
    table = Table(title="Sessions (one night of one rig)", title_justify="left")
    for name in ("session and rig", "files", "integration", "state"):
        table.add_column(name)
    for row in rows:
        types = sorted(json.loads(row["files_by_type"]).items())
        files = _Whole([f"{count} {kind.lower().replace('_', ' ')}" for kind, count in types])
        table.add_row(f"{row['session_id']}\n{row['rig']}", files, duration(row["integration_s"]), row["state"])
    return table


_CAPTURES = """
SELECT c.catalog_id, c.name, c.total_exposure_s, c.total_frames, c.total_sessions, c.best_fwhm_arcsec,
       (SELECT jsonb_agg(jsonb_build_object('filter', coalesce(nullif(filter, ''), 'none'), 's', integration_s)
                         ORDER BY integration_s DESC, filter)
        FROM stats.capture_filters f WHERE f.catalog_id = c.catalog_id) AS filters
FROM stats.captures c ORDER BY total_exposure_s DESC, catalog_id
"""
_SESSIONS = """
SELECT session_id, rig, files_by_type, integration_s, state FROM stats.sessions ORDER BY night, rig
"""
_QUARANTINED = "SELECT path, reason AS why FROM stats.quarantined ORDER BY path"
_PROBLEMS = """
SELECT path, array_to_string(problems, '; ') AS why FROM stats.files WHERE problems <> '{}' ORDER BY path
"""
_NO_TARGET = """
SELECT path, format('no target: OBJECT is %s', coalesce(quote_literal(object_name), 'missing')) AS why
FROM stats.files WHERE frame_type = 'LIGHT' AND catalog_id IS NULL AND state = 'scanned' ORDER BY path
"""
_UNUSUAL = """
WITH usual AS (
    SELECT rig, filter, catalog_id, percentile_cont(0.5) WITHIN GROUP (ORDER BY fwhm_px) AS fwhm_px,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY star_count) AS star_count
    FROM stats.files WHERE counted GROUP BY rig, filter, catalog_id)
SELECT path, CASE WHEN f.star_count < usual.star_count / 2
                  THEN format('%s stars, where %s are usual for this target and filter', f.star_count,
                              round(usual.star_count))
                  ELSE format('FWHM %s px, where %s px are usual for this target and filter',
                              round(f.fwhm_px::numeric, 1), round(usual.fwhm_px::numeric, 1)) END AS why
FROM stats.files f JOIN usual USING (rig, filter, catalog_id)
WHERE f.counted AND (f.star_count < usual.star_count / 2 OR f.fwhm_px > usual.fwhm_px * 1.5)
ORDER BY path
"""


class _Whole:
    """A list in a table's cell, of which no item is torn apart; or a file name, which breaks where its parts end."""

    def __init__(self, items: list[str] | str) -> None:
        self._items = items

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text("\n".join(wrapped(self._items, options.max_width)))

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(longest(self._items), len(" ".join(pieces(self._items))))


def _print_where_next(console: Console, place: Place) -> None:
    """Where to look, each command on a line of its own that no terminal breaks."""
    if place.kept:
        home = ("--home", place.home)
        lines = [
            f"Where to look: captures in {place.captures}",
            f"  the library  {place.home / 'library'}",
            f"  the log      {place.home / 'log' / LOG_FILE}",
            "Start it again, and ask it from a second terminal:",
            f"  {calling.command('up', *home)}",
            f"  {calling.command('captures', *home)}",
            f"  {calling.command('calibration', 'missing', *home)}",
        ]
    else:
        lines = [
            "Where to look next:",
            f"  {calling.command('demo', '--keep', 'DIR')}   the same again, and everything stays",
            f"  {calling.command('up')}   for real; README.md says how to name your own folders",
        ]
    for line in lines:
        console.print(inert.printable(line), soft_wrap=True, highlight=False, markup=False)
