"""Files counted by how far they are, and the same in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.cli.output import counted
from shared import inert
from shared.quantities import size

if TYPE_CHECKING:
    import asyncpg


@dataclass(frozen=True, slots=True)
class Counts:
    """Files by how far they are: arrived = on_the_way + scanned + quarantined + dismissed + waiting."""

    arrived: int
    on_the_way: int
    scanned: int
    quarantined: int
    waiting: int
    failed: int
    kept_sources: int
    open_sessions: int
    """Sessions that are not finished; ``closing_sessions`` of them belong to nights that are over."""
    adds_up: bool
    dismissed: int = 0
    closing_sessions: int = 0
    failures: tuple[str, ...] = ()
    """Why files could not be taken: the latest reasons."""
    reasons: tuple[str, ...] = ()
    """Why files are quarantined: the latest, each with its file."""
    missing: int = 0
    strangers: int = 0
    """Captures in the library of which no place tells."""
    forgotten: int = 0
    offline: tuple[str, ...] = ()
    """Roots that are away, each with the reason."""
    damaged: int = 0
    library_problem: str | None = None
    to_read_anew: int = 0
    """Files that were scanned before their events were kept whole, and that are read anew in the background."""
    away: int = 0
    """Such files that cannot be read anew for now."""
    awaiting_backup: int = 0
    """Files that stay at their source until they were read back from an archive."""
    awaiting_backup_bytes: int = 0
    has_destination: bool = True
    """Whether there is a place that archives are sent to."""
    given_up: tuple[str, ...] = ()
    """Why files go on waiting although nothing works on them: who gave up on their events."""


def counts_of(
    ingest: "asyncpg.Record",
    stats: "asyncpg.Record",
    kept_sources: int,
    library: "asyncpg.Record",
    keeping: "asyncpg.Record",
    failures: Sequence[str] = (),
    reasons: Sequence[str] = (),
) -> Counts:
    """The counts out of the views of ingest and stats, with reasons in words."""
    handled = stats["scanned"] + stats["quarantined"] + stats["dismissed"] + stats["waiting"]
    on_the_way = ingest["files"] - stats["files"]
    return Counts(
        arrived=ingest["files"],
        on_the_way=on_the_way,
        scanned=stats["scanned"],
        quarantined=stats["quarantined"],
        dismissed=stats["dismissed"],
        waiting=stats["waiting"],
        failed=ingest["failed"],
        kept_sources=kept_sources,
        open_sessions=stats["open_sessions"],
        closing_sessions=stats["closing_sessions"],
        failures=tuple(failures),
        reasons=tuple(reasons),
        adds_up=stats["files"] == handled and on_the_way >= 0,
        missing=library["missing"],
        strangers=library["strangers"],
        forgotten=library["forgotten"],
        offline=tuple(library["offline"]),
        damaged=library["damaged"],
        library_problem=library["problem"],
        to_read_anew=keeping["to_read"],
        away=keeping["away"],
    )


def _select(view: str) -> str:
    """The command that shows a view."""
    return f"`nightbus sql -- -c 'SELECT * FROM {view}'`"


def counts_text(counts: Counts) -> str:
    """The counts in words."""
    parts = [f"{counts.scanned} scanned", f"{counts.quarantined} quarantined", f"{counts.waiting} waiting"]
    if counts.dismissed:
        parts.insert(2, f"{counts.dismissed} dismissed")
    if counts.on_the_way:
        parts.append(f"{counts.on_the_way} on the way")
    lines = [f"{counted(counts.arrived, 'file')} arrived = {' + '.join(parts)}"]
    lines += [f"  {inert.sentence(reason)}" for reason in counts.reasons]
    if counts.quarantined > len(counts.reasons):
        more = counts.quarantined - len(counts.reasons)
        lines.append(f"  and {more} more quarantined: {_select('stats.quarantined')} has all reasons")
    if counts.quarantined:
        lines.append("  `nightbus reread --quarantined` reads them anew, `nightbus dismiss` takes one out of the count")
    lines += [f"  {inert.sentence(reason)}" for reason in counts.given_up]
    if not counts.adds_up:
        lines.append("these counts do not add up; `nightbus status` again shows whether that was only the moment")
    if counts.failed:
        lines.append(
            f"{counted(counts.failed, 'file')} could not be taken: those of watched sources are tried again at each "
            "walk, those of an import by `nightbus ingest` of the same paths"
        )
        lines += [f"  {inert.sentence(reason)}" for reason in counts.failures]
        if counts.failed > len(counts.failures):
            lines.append(f"  and {counts.failed - len(counts.failures)} more: {_select('ingest.not_taken')} has all")
    if counts.kept_sources:
        kept = counted(counts.kept_sources, "moved file")
        lines.append(f"{kept} could not be deleted at the source; {_select('ingest.kept_source')} has the reasons")
    if counts.awaiting_backup:
        lines.append(_awaiting_text(counts))
    lines += _library_lines(counts)
    if counts.to_read_anew or counts.away:
        lines.append(_unkept_text(counts.to_read_anew, counts.away))
    if counts.library_problem:
        lines.append(inert.sentence(counts.library_problem))
    lines.append(_sessions_text(counts.open_sessions - counts.closing_sessions, counts.closing_sessions))
    return "\n".join(lines)


def _awaiting_text(counts: Counts) -> str:
    """That files wait at their source for a backup, and that nothing will come of it where no destination is set."""
    files = f"{counted(counts.awaiting_backup, 'file')} ({size(counts.awaiting_backup_bytes)})"
    text = f"{files} at the source until read back from an archive; {_select('ingest.awaited_backup')} names them"
    return (
        text if counts.has_destination else f"{text}. No destination is set, so they stay: see `nightbus backup setup`"
    )


def _library_lines(counts: Counts) -> list[str]:
    """What is to be said of the library and of other roots."""
    lines = []
    if counts.missing:
        gone = f"{counted(counts.missing, 'file')} {'has' if counts.missing == 1 else 'have'} gone from the library"
        lines.append(
            f"{gone}: `nightbus files --missing` names them, `nightbus ingest PATH` of the originals brings them back"
        )
    lines += [f"{inert.sentence(root)}; its files stay in all totals" for root in counts.offline]
    if counts.strangers:
        lines.append(f"{counted(counts.strangers, 'unknown capture')} in the library: left alone, and counted nowhere")
    if counts.forgotten:
        lines.append(f"forgotten: {counts.forgotten}; {_select('ingest.forgotten_file')} has the reasons")
    if counts.damaged:
        was, is_ = ("copy in the library was", "is") if counts.damaged == 1 else ("copies in the library were", "are")
        where = _select("ingest.damaged_copy")
        lines.append(f"{counts.damaged} damaged {was} replaced and {is_} kept; {where} says where")
    return lines


def _unkept_text(to_read: int, away: int) -> str:
    text = (
        f"{counted(to_read + away, 'file')} scanned before headers were kept whole: {to_read} still to be read anew, "
    )
    text += f"in the background, {away} away"
    return f"{text}; {_select('stats.unkept_file')} has the reasons" if away else text


def _sessions_text(still_open: int, closing: int) -> str:
    parts = [f"{counted(still_open, 'session')} {'is' if still_open == 1 else 'are'} open"]
    if closing:
        whose = "whose night is over closes" if closing == 1 else "whose nights are over close"
        parts.append(f"{counted(closing, 'session')} {whose} once no more files come")
    return ", ".join(parts)
