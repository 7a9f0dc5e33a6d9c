"""`ingest`: import files and folders now."""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

import typer

from services.cli.connection import HomeOption, Stack, bus, find_stack, reader, wait_for
from services.cli.exits import FAILED, INTERRUPTED
from services.cli.imports import PROGRESS, SHORT_ID
from services.cli.lookups import ENDED, committed
from services.cli.output import Row, counted, to_json
from services.cli.plan import make_plan, measure, plan_text, require_consent
from services.cli.usage import named_path
from shared import inert
from shared.errors import UserError
from shared.given import too_many_paths, wrong_stored_path

if TYPE_CHECKING:
    import asyncpg

POLL_S = 0.25
LONGEST_POLL_S = 5.0
LINE_EVERY_S = 5.0
"""Between progress lines where there is no terminal."""
STUCK_AFTER_S = 30.0
HELD_UP_AFTER_S = 2.0
"""An import that begins may wait a moment for its library to be opened."""
SETTLED_AFTER_S = 15.0
"""Files that are only resting after their last change are not worth a line before that."""
UNDER_WAY = frozenset({"waiting", "waiting_for", "in_hand", "held_up_by"})
"""What is said of an import while it runs, and is no part of its report."""
COUNTS = ("arrived", "already_here", "ignored", "failed")

_MENDED = (
    ("brought_home", "of those already here lay elsewhere only and are in the library now"),
    ("brought_back", "brought back: already here once, and gone from the library"),
    ("repaired", "repaired: the library's copy was damaged; it was replaced, and is kept in .nightbus/damaged"),
    ("set_beside", "set beside: somebody had changed the library's copy; it stays, as new content"),
)
"""What an import did with known content, and how its summary says so."""

_PROGRESS = PROGRESS + "WHERE import_id = $1"
_HANDLED = """
SELECT count(*) FILTER (WHERE f.state = 'scanned') AS scanned,
       count(*) FILTER (WHERE f.state = 'quarantined') AS quarantined,
       count(*) FILTER (WHERE (f.state IS NULL OR f.state = 'waiting') AND d.file_id IS NOT NULL) AS given_up,
       count(*) FILTER (WHERE (f.state IS NULL OR f.state = 'waiting') AND d.file_id IS NULL) AS waiting
FROM (SELECT DISTINCT file_id FROM ingest.import_file WHERE import_id = $1) AS i
LEFT JOIN stats.files f USING (file_id)
LEFT JOIN (
    SELECT DISTINCT file_id FROM api.dead_letters WHERE state = 'waiting' AND service = 'stats') d USING (file_id)
"""
"""Whoever counts files may have given up on what was told of one, so that nothing more comes of it by itself."""


@dataclass(slots=True)
class _Asked:
    """How far the request is, for who leaves it alone."""

    import_id: UUID | None = None
    """Known from when it is sent."""
    accepted: bool = False
    done: bool = False

    def left_text(self) -> str:
        """What goes on without this command, and where to look; nothing is said that is not known."""
        if self.import_id is None:
            return "nothing was imported"
        if not self.accepted:
            return f"whether the import {self.import_id} runs was not answered yet; `nightbus imports` shows it"
        if self.done:
            return "the import is done, and its files are scanned without this command; `nightbus status` counts them"
        return (
            f"the import {self.import_id} goes on without this command; `nightbus imports` shows how far it is, "
            f"`nightbus imports cancel {str(self.import_id)[:SHORT_ID]}` ends it"
        )


class Mode(StrEnum):
    """What happens to the files."""

    COPY = "copy"
    MOVE = "move"
    INDEX = "index"


PathsArgument = Annotated[
    list[Path],
    typer.Argument(metavar="PATH…", parser=named_path, help="Files or folders, on the host of ingest."),
]
ModeOption = Annotated[
    Mode, typer.Option("--mode", help="copy or move into the library, or index: leave the files where they are.")
]
WaitOption = Annotated[bool, typer.Option("--wait", help="Also wait until every file is scanned or quarantined.")]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Say how many files and bytes, where to, and how long; import nothing.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask before much is copied onto the system disk.")]
VerifyOption = Annotated[
    bool, typer.Option("--verify", help="Also read and compare the library's copies of files that are already here.")
]
ReportOption = Annotated[bool, typer.Option("--json", help="Print the final report as one JSON line.")]


def ingest(
    paths: PathsArgument,
    mode: ModeOption = Mode.COPY,
    verify: VerifyOption = False,
    wait: WaitOption = False,
    as_json: ReportOption = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    home: HomeOption = None,
) -> None:
    """Import files and folders now, and report found = arrived + already here + ignored + failed."""
    stack = find_stack(home)
    for path in paths:
        if mistake := wrong_stored_path(str(path)):
            raise UserError(mistake)
    if mistake := too_many_paths(len(paths)):
        raise UserError(mistake)
    absolute = [os.path.abspath(path.expanduser()) for path in paths]  # noqa: PTH100 - ingest resolves links
    if stack.home is not None and (missing := [path for path in absolute if not os.path.lexists(path)]):
        raise UserError(f"{inert.name(missing[0])} does not exist")
    if dry_run:
        _print_plan(stack, absolute, mode, as_json=as_json)
        return
    if stack.home is not None and _named_library(stack) is None and not yes:
        require_consent(absolute, mode, stack.home / "library")
    asked = _Asked()
    try:
        report = wait_for(_import(stack, tuple(absolute), mode, asked, verify=verify, wait=wait))
    except KeyboardInterrupt as stop:
        print(f"\n{asked.left_text()}", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from stop
    print(to_json(report) if as_json else report_text(report))
    if took_nothing(report) and (why := _why_nothing(stack, absolute)):
        print(why, file=sys.stderr if as_json else sys.stdout)
    if report["failed"] or report["state"] != "done":
        raise typer.Exit(FAILED)


def _print_plan(stack: Stack, paths: list[str], mode: Mode, *, as_json: bool) -> None:
    """Say what the import would do; exit code 1 where the library has no room for it."""
    library = _library(stack)
    plan = make_plan(paths, library if mode is not Mode.INDEX else None, own=library)
    measure(plan)
    print(to_json(plan.row(mode)) if as_json else plan_text(plan, mode))
    if not plan.fits:
        raise typer.Exit(FAILED)


def _library(stack: Stack) -> Path | None:
    """The library, where that is known here."""
    return _named_library(stack) or (stack.home / "library" if stack.home is not None else None)


def _named_library(stack: Stack) -> Path | None:
    """The library that the settings name."""
    from shared.library.settings import LibrarySettings

    return stack.settings.section(LibrarySettings).path


def took_nothing(report: Row) -> bool:
    """Whether an import took nothing and its counts leave open why; they say how what was forgotten comes back."""
    forgotten = any(rule.startswith("forgotten:") for rule in report["ignored_by"])
    return report["found"] == report["ignored"] and report["state"] == "done" and not forgotten


def _why_nothing(stack: Stack, paths: list[str]) -> str | None:
    """Why an import took nothing, beyond what was ignored, as far as it can be seen from here."""
    try:
        plan = make_plan(paths, None, own=_library(stack), took_nothing=True)
    except UserError as error:  # another machine's paths
        return f"nothing was taken: {error}"
    if plan.captures:
        return "nothing was taken, and there is something now: `nightbus ingest` again takes it"
    return plan.nothing


def report_text(report: Row) -> str:
    """The final report: the counts that add up, then why files were ignored or failed."""
    arrived, already, ignored, failed = (report[name] for name in COUNTS)
    lines = [
        f"found {report['found']} = {arrived} arrived + {already} already here + {ignored} ignored + {failed} failed"
    ]
    lines.extend(f"  {report[name]} {what}" for name, what in _MENDED if report[name])
    if report["found"] != arrived + already + ignored + failed and report["state"] == "done":
        lines.append("these counts do not add up; please report it")
    for rule, count in sorted(report["ignored_by"].items(), key=lambda item: -item[1]):
        lines.append(f"  ignored {count}: {inert.sentence(rule)}")
    lines.extend(f"  failed: {inert.sentence(sentence)}" for sentence in report["failures"])
    if failed > len(report["failures"]):
        lines.append(f"  and {failed - len(report['failures'])} more failures")
    if report["state"] == "cancelled":
        lines.append("the import was cancelled; `nightbus ingest` of the same paths takes the rest")
    if report["error"]:
        lines.append(f"the import failed: {inert.sentence(report['error'])}")
    if "scanned" in report:
        lines.append(f"{report['scanned'] + report['quarantined']} handled = {report['scanned']} scanned + "
                     f"{report['quarantined']} quarantined")  # fmt: skip
        if report["given_up"]:
            uncounted = counted(report["given_up"], "file")
            lines.append(f"{uncounted} could not be counted: `nightbus dead-letters` says why")
        if report["quarantined"]:
            lines.append("  `nightbus files --json` names the reasons; `nightbus status` counts them")
    return "\n".join(lines)


async def _import(
    stack: Stack, paths: tuple[str, ...], mode: Mode, asked: _Asked, *, verify: bool, wait: bool
) -> dict[str, Any]:
    from shared.bus.rpc import ask
    from shared.events.commands import ImportAccepted, ImportPaths

    async with reader(stack) as connection, bus(stack) as client:
        command = ImportPaths(paths=paths, mode=mode.value, verify=verify)
        asked.import_id = command.command_id
        answer = await ask(client, command, ImportAccepted)
        asked.import_id, asked.accepted = answer.import_id or command.command_id, True
        with _Progress() as progress:
            report = await _until_done(connection, asked.import_id, progress)
            asked.done = True
            if wait and report["arrived"]:
                report |= await _until_handled(connection, report, progress)
            elif wait:
                report |= dict.fromkeys(("scanned", "quarantined", "given_up"), 0)
    return report


async def _until_done(connection: "asyncpg.Connection", import_id: UUID, progress: "_Progress") -> dict[str, Any]:
    while True:
        row = await committed(connection, _PROGRESS, import_id, "import")
        total = max(row["found"], row["total_files"] or 0)
        progress.show("importing", sum(row[name] for name in COUNTS), total)
        if row["state"] in ENDED:
            return {name: value for name, value in row.items() if name not in UNDER_WAY}
        progress.wait_for(dict(row))
        await asyncio.sleep(POLL_S)


async def _until_handled(
    connection: "asyncpg.Connection", report: dict[str, Any], progress: "_Progress"
) -> dict[str, int]:
    """Wait for the contents that arrived with this import, whatever else is under way."""
    while True:
        began = time.monotonic()
        (row,) = await connection.fetch(_HANDLED, report["import_id"])
        handled = row["scanned"] + row["quarantined"] + row["given_up"]
        progress.show("scanning", handled, handled + row["waiting"])
        if not row["waiting"]:
            return {name: row[name] for name in ("scanned", "quarantined", "given_up")}
        await asyncio.sleep(min(max(POLL_S, 5 * (time.monotonic() - began)), LONGEST_POLL_S))


class _Progress:
    """A bar on a terminal, a line every few seconds elsewhere; on standard error, since the report is the output."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._said_at = self._changed_at = now()
        self._last: tuple[str, int, int] | None = None
        self._bar: Any = None
        self._task: Any = None
        self._warned = False
        self._waits: list[str] = []
        self._takes: set[str] = set()
        self._held_up_by = ""

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            columns = (TextColumn("{task.description:<9}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        (self._bar or nullcontext()).__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        (self._bar or nullcontext()).__exit__(*exc)

    def wait_for(self, row: Row) -> None:
        """Say once what an import waits for, and what it is taking, when nothing else has happened for a while."""
        quiet_s = self._now() - self._changed_at
        held_up_by: str = row["held_up_by"] or ""
        what = held_up_by.partition(":")[0]  # what is said of it may change with every look, as how much is free
        if what != self._held_up_by and (quiet_s > HELD_UP_AFTER_S or not what):
            self._held_up_by, self._warned = what, True
            print(f"waits for {inert.sentence(held_up_by)}" if what else "goes on", file=sys.stderr, flush=True)
        if quiet_s <= SETTLED_AFTER_S:
            return
        in_hand = {line.rpartition(": ")[0]: line for line in row["in_hand"]}
        for name in in_hand.keys() - self._takes:
            print(f"being taken: {inert.sentence(in_hand[name])}", file=sys.stderr, flush=True)
        self._takes, self._warned = self._takes | in_hand.keys(), self._warned or bool(in_hand)
        files: list[str] = row["waiting_for"]
        if files and files != self._waits:
            self._waits = files
            more = 0 if held_up_by else row["waiting"] - len(in_hand) - len(files)
            print(f"waiting for {counted(len(files) + more, 'file')} to be complete:", file=sys.stderr)
            rest = [f"and {more} more"] if more > 0 else []
            print("\n".join(f"  {inert.sentence(line)}" for line in [*files, *rest]), file=sys.stderr, flush=True)
            print("  what stays incomplete is taken as it is in the end (ingest.incomplete_wait_s)", file=sys.stderr)

    def show(self, step: str, done: int, total: int) -> None:
        """Say how far it is."""
        now = self._now()
        if (step, done, total) != self._last:
            self._changed_at, self._warned = now, False
        elif now - self._changed_at > STUCK_AFTER_S and not self._warned:
            self._warned = True
            print(f"no progress for {STUCK_AFTER_S:.0f} s; `nightbus imports` and `status` show why", file=sys.stderr)
        if self._bar is not None:
            if self._last is None or self._last[0] != step:
                self._task = self._bar.add_task(step, total=None)
            self._bar.update(self._task, completed=done, total=total or None)
        elif (step, done, total) != self._last and now - self._said_at >= LINE_EVERY_S:
            how_far = f"{step} {done} of {total}" if total else f"{step}: looking for files"
            print(how_far, file=sys.stderr, flush=True)
            self._said_at = now
        self._last = (step, done, total)
