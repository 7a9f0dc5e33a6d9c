"""What facts mean: pure judgements of the doctor, each with what to do."""

from collections.abc import Collection, Mapping
from typing import Any

from services.cli.doctor.finding import Finding, note, ok, wrong
from services.cli.space import FEW_NIGHTS, nights
from shared.errors import UserError
from shared.library.room import Disk
from shared.quantities import duration, size

LEAST_POSTGRES = 15
MOST_CLOCK_S = 5.0
"""How far clocks of hosts may be apart: less than any wait of ours."""
VERY_FEW_NIGHTS = 3.0


def clock(server: str, offset_s: float, within_s: float) -> Finding:
    """How far this host's clock is ahead of a server's, known to within some seconds."""
    about = f"clock against {server}"
    apart_s = max(abs(offset_s) - within_s, 0.0)
    way = "ahead of" if offset_s > 0 else "behind"
    if apart_s <= MOST_CLOCK_S:
        return ok(about, f"agrees to within {max(apart_s, within_s):.2f} s")
    says = f"this machine is {duration(apart_s)} {way} the machine of {server}"
    return wrong(about, says, "have both set their clocks by NTP (timedatectl set-ntp true)")


def postgres_version(number: int) -> Finding:
    """The version of the server, of which 15 is the oldest that will do."""
    if number >= LEAST_POSTGRES:
        return ok("Postgres version", str(number))
    return wrong("Postgres version", f"{number} is too old", f"use PostgreSQL {LEAST_POSTGRES} or newer")


def migrations(found: Collection[str], wanted: Collection[str]) -> Finding:
    """The revisions that a database is at, against those of this version: names such as ``stats_0015``."""
    if set(found) == set(wanted):
        return ok("migrations", "the database is as new as this version")
    number = {name.rpartition("_")[0]: name.rpartition("_")[2] for name in wanted}
    newer = [name for name in found if name.rpartition("_")[2] > number.get(name.rpartition("_")[0], "")]
    if newer:
        says = f"the database was made by a newer Nightbus ({', '.join(sorted(newer))})"
        return wrong("migrations", says, "run that version here too")
    missing = ", ".join(sorted(set(wanted) - set(found)))
    return wrong("migrations", f"the database is older than this version: {missing} missing", "`nightbus migrate`")


def stream(size_bytes: int, limit_bytes: int) -> Finding:
    """How full the stream of events is, bytes; a limit of 0 is none."""
    from shared.bus.streams import PAUSE_AT

    if limit_bytes <= 0:
        return ok("event stream", f"{size(size_bytes)}, no limit")
    says = f"{size(size_bytes)} of {size(limit_bytes)}"
    if size_bytes < PAUSE_AT * limit_bytes:
        return ok("event stream", says)
    fix = "see in `nightbus status` which service does not read, or raise nats.max_bytes"
    return wrong("event stream", f"nearly full: {says}, so that new events wait", fix)


def provisioned(served: Collection[str], enabled: Collection[str]) -> Finding:
    """For which services NATS was provisioned, against those of the settings."""
    if set(served) == set(enabled):
        return ok("provisioning", f"NATS serves {', '.join(enabled)}")
    says = f"NATS serves {', '.join(sorted(served))}, and the settings enable {', '.join(enabled)}"
    return wrong("provisioning", says, "`nightbus provision`")


def space(name: str, disk: Disk, nights_left: float | None = None) -> Finding:
    """Room on a disk; ``nights_left`` is the forecast, where there is one."""
    about = f"disk of {name}"
    free = f"{size(disk.free_bytes)} of {size(disk.size_bytes)} free"
    if disk.free_bytes <= disk.reserve_bytes:
        says = f"full: {free}, and {size(disk.reserve_bytes)} stay free, so that nothing is written there"
        return wrong(about, says, "make room, or move it to a larger disk")
    if nights_left is None:
        return ok(about, free)
    says = f"{free}, enough for {nights(nights_left)} like the last ten"
    if nights_left < VERY_FEW_NIGHTS:
        return wrong(about, says, "make room before the next night")
    return note(about, says, "make room soon") if nights_left < FEW_NIGHTS else ok(about, says)


def root(row: Mapping[str, Any]) -> Finding:
    """A root as ingest last saw it (``ingest.root_state``)."""
    about = f"{row['kind']} {row['root']}" if row["kind"] != row["root"] else "library"
    if row["offline_reason"] is None:
        return ok(about, f"ingest sees {row['path']}")
    return wrong(about, row["offline_reason"], f"mount {row['path']} again; its files stay in all totals")


def source(row: Mapping[str, Any]) -> Finding:
    """A source as ingest last saw it (``ingest.source_status``)."""
    about = f"source {row['source']}"
    if row["state"] == "away":
        return wrong(about, row["reason"] or "away", "switch the device on, or mount its share again")
    if row["state"] == "foreign":
        return wrong(about, row["reason"] or "foreign or empty", "mount the right folder there")
    walked = f"walked {row['walked_at']:%Y-%m-%d %H:%M} UTC" if row["walked_at"] else "its first walk is under way"
    return ok(about, f"reachable, {walked}")


def service(name: str, told: Any | None) -> list[Finding]:
    """A service by what it says of itself (``StateTold``); None: nobody answered."""
    about = f"service {name}"
    if told is None:
        return [wrong(about, "is not running", f"start it (`nightbus up`, or `nightbus run {name}`)")]
    found = [wrong(about, f"does not reach {failure}") for failure in told.failed]
    found += [wrong(about, f"waits for {wait.what}: {wait.reason}") for wait in told.waits]
    return found or [ok(about, "runs, and waits for nothing")]


def silent(name: str, error: UserError) -> Finding:
    """A service that is there and gives no answer: it hangs, or its process was stopped."""
    fix = f"its process hangs or is stopped: end it, and start it again (`nightbus up`, or `nightbus run {name}`)"
    return wrong(f"service {name}", str(error).removeprefix(f"the {name} service "), fix)
