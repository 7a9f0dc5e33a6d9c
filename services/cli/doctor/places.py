"""The looks at folders: the library, indexed trees, sources, the home, the destinations of archives, and their disks.

What is not on this machine is seen by the services alone: then the database says how it is.
"""

import asyncio
import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from services.cli.doctor import judge
from services.cli.doctor.bounded import look, of_folder
from services.cli.doctor.facts import Facts
from services.cli.doctor.finding import Finding, note, ok, unknown, wrong
from shared.errors import Away, NightbusError
from shared.library.room import Disk, disk_of

if TYPE_CHECKING:
    from services.backup.settings import DestinationSettings
    from shared.settings import Settings

_LIBRARY = "library"
_OTHER_SETTINGS = "run this in the folder of the nightbus.toml that holds, or name it in NIGHTBUS_CONFIG"


async def look_at_library(settings: "Settings", home: Path | None, facts: Facts) -> list[Finding]:
    """Whether the library is there, is the right one, and takes files."""
    from shared.library.mounts import is_only_read_here
    from shared.library.roots import Root, read_marker
    from shared.library.settings import LibrarySettings
    from shared.library.stage import usable

    own = settings.section(LibrarySettings)
    path = own.path or (home / _LIBRARY if home is not None else None)
    if path is None:
        return [note(_LIBRARY, "none is set: captures can be indexed where they are, and not copied", "library.path")]
    known = [row for row in facts.roots if row["kind"] == _LIBRARY]
    root = Root(_LIBRARY, path, writable=True)
    try:
        if not await of_folder(path.exists):
            return [*map(judge.root, known)] or [_not_made(path, facts)]
        await of_folder(partial(read_marker, root))
        if await of_folder(partial(is_only_read_here, path)):
            found = [*map(judge.root, known), ok(_LIBRARY, f"{path} has its marker, and is only read here")]
        else:
            await of_folder(partial(usable, root))
            found = [ok(_LIBRARY, f"{path} has its marker and takes files")]
    except Away as away:
        if not known and await _is_empty(path):
            return [_not_made(path, facts)]
        found = [wrong(_LIBRARY, _said(path, away), await _remedy(path))]
    except NightbusError as error:
        found = [wrong(_LIBRARY, error)]
    left = next((row["nights_left"] for row in facts.space if row["root"] == _LIBRARY), None)
    return found + await disk(_LIBRARY, path, reserve_mb=own.reserve_mb, nights_left=left)


async def look_at_roots(facts: Facts) -> list[Finding]:
    """Indexed trees, by what ingest sees of them."""
    if not facts.known:
        return [unknown("indexed trees", "Postgres, which lists them, cannot be asked")]
    found = []
    for row in facts.roots:
        if row["kind"] != _LIBRARY:
            found.append(judge.root(row))
            if row["offline_reason"] is None:
                found += await _known_disk(row["root"], facts)
    return found


async def look_at_sources(settings: "Settings", facts: Facts) -> list[Finding]:
    """The sources of the settings: as ingest sees them, else as this machine does."""
    from services.ingest.settings import SourceSettings

    rows = {row["source"]: row for row in facts.sources}
    found: list[Finding] = []
    for one in settings.sections(SourceSettings):
        row = rows.get(one.name)
        if row is not None:
            found.append(judge.source(row))
            found += await _known_disk(one.name, facts)
            continue
        if facts.known:
            found.append(note(f"source {one.name}", "ingest has not seen it yet", "start ingest again if it stays so"))
        for _words, folder in one.capture_folders():
            found += await look(f"source {one.name}", _folder(f"source {one.name}", folder))
    return found


async def look_at_home(home: Path) -> list[Finding]:
    """The folder of `nightbus up`: whether it runs, and whether its disks have room."""
    from services.standalone.calling import command
    from services.standalone.home import Home
    from services.standalone.room import full_disk

    try:
        holder = await of_folder(Home(home).holder)
        full = await of_folder(partial(full_disk, home))
    except Away as away:
        return [wrong("disk of the home", _said(home, away), "look at `dmesg` and at how it is mounted")]
    start = f"`{command('up', *Home.words(home))}`"
    found = [ok("nightbus up", f"runs in {home} (process {holder})")]
    if holder is None:
        found = [wrong("nightbus up", f"is not running in {home}", start)]
    if full is not None:
        return [*found, wrong("disk of the home", full, "make room on it")]
    return found + await disk("the home", home)


async def look_at_destinations(
    configured: "Iterable[DestinationSettings]", home: Path | None, facts: Facts
) -> list[Finding]:
    """The destinations of archives, each asked now.

    A folder that this machine does not have is told as backup last saw it, unless backup runs here, in ``home``.
    """
    looks = (look(f"destination {one.name}", _destination(one, home, facts)) for one in configured)
    found = [finding for findings in await asyncio.gather(*looks) for finding in findings]
    if not found and (others := [row["name"] for row in facts.destinations]):
        says = f"backup has {', '.join(others)}, which the settings that were read here do not name"
        return [note("destinations", says, _OTHER_SETTINGS)]
    return found or [note("destinations", "none is set: nothing is archived", "`nightbus backup setup`")]


async def _destination(configured: "DestinationSettings", home: Path | None, facts: Facts) -> list[Finding]:
    from services.backup.destinations.kinds import opened
    from services.backup.settings import FolderDestination

    about = f"destination {configured.name}"
    row = next((row for row in facts.destinations if row["name"] == configured.name), None)
    if row is None or row["opened_at"] is None:
        if not facts.known:
            return [unknown(about, "Postgres, which knows our marker there, cannot be asked")]
        return [note(about, "was never used", "`nightbus backup run`, or wait until a night is finished")]
    if isinstance(configured, FolderDestination) and not await of_folder(configured.path.exists):
        if row["state"] == "ready" and home is None:
            return [ok(about, f"ready, as backup saw it; {configured.path} is not on this machine")]
        return [wrong(about, row["problem"] or f"{configured.path} is not there", "plug it in, or mount it again")]
    async with opened(configured, row["installation_id"]) as destination:
        await destination.check(row["installation_id"])
    found = [ok(about, f"{row['place']} is there and has our marker")]
    return found + (await disk(about, configured.path) if isinstance(configured, FolderDestination) else [])


async def disk(
    name: str, path: Path, *, reserve_mb: int | None = None, nights_left: float | None = None
) -> list[Finding]:
    """The disk of a folder; nothing of one that tells nothing."""
    try:
        found = await of_folder(partial(disk_of, path, reserve_mb))
    except (Away, OSError) as error:
        return [wrong(f"disk of {name}", _said(path, error))]
    return [] if found is None else [judge.space(name, found, nights_left)]


async def _known_disk(root: str, facts: Facts) -> list[Finding]:
    """The disk of a root as ingest measured it, which may be on another machine."""
    for row in facts.space:
        if row["root"] == root:
            return [judge.space(root, Disk(row["free_bytes"], row["disk_bytes"], 0), row["nights_left"])]
    return []


async def _folder(about: str, folder: Path) -> list[Finding]:
    def entries() -> None:
        with os.scandir(folder) as found:
            next(found, None)

    try:
        await of_folder(entries)
    except (Away, OSError) as error:
        return [wrong(about, _said(folder, error), "switch the device on, or mount its share")]
    return [ok(about, f"{folder} can be read")]


async def _is_empty(folder: Path) -> bool:
    """Whether nothing is in a folder; what lies in one that does not answer is not known."""
    try:
        return await of_folder(lambda: next(folder.iterdir(), None) is None)
    except Away:
        return False


def _not_made(path: Path, facts: Facts) -> Finding:
    says = f"{path} has no marker yet: ingest makes it the first time"
    return note(_LIBRARY, says) if facts.known else unknown(_LIBRARY, f"{says}, unless its volume is not mounted")


def _said(path: Path, error: Exception) -> str:
    words = getattr(error, "strerror", None) or str(error)
    return words if str(path) in words else f"{path} {words}" if isinstance(error, Away) else f"{path}: {words}"


async def _remedy(path: Path) -> str:
    """What helps against a library that is not as it should be, by how its volume is mounted."""
    try:
        read_only = bool((await of_folder(partial(os.statvfs, path))).f_flag & os.ST_RDONLY)
    except Away:
        return "look at `dmesg` and at how it is mounted; captures wait meanwhile"
    except OSError:
        read_only = False
    if read_only:
        return f"its volume is mounted read-only: `mount -o remount,rw`, after a look at why (`dmesg`, fsck of {path})"
    return "mount its volume; where it is mounted, see that the user of Nightbus may write there"
