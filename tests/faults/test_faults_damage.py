"""Stored copies damaged at random, and then the card again: what is good in the end, and what was deleted before."""

import asyncio
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from nats.aio.client import Client

from services.ingest.settings import FolderSettings
from shared.jobs import runner
from shared.settings import Settings
from tests.faults.conftest import Say
from tests.faults.test_faults_ingest import kill_ingest
from tests.faults.world import running, spent
from tests.integration.ingest.world import Ingest, configured, fits, ingest, until

FILES = 100
KILLS = 15
Damage = Callable[[random.Random, Path, Path], None]


def flip(draw: random.Random, copy: Path, _original: Path) -> None:
    """A bit falls over."""
    content = bytearray(copy.read_bytes())
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    copy.write_bytes(content)


def blank(draw: random.Random, copy: Path, _original: Path) -> None:
    """A block is read as zeros."""
    content = bytearray(copy.read_bytes())
    start = draw.randrange(len(content))
    content[start : start + 512] = b"\0" * len(content[start : start + 512])
    copy.write_bytes(content + b"\1")


def cut(draw: random.Random, copy: Path, _original: Path) -> None:
    """A crash of the machine cut the file, maybe to nothing."""
    os.truncate(copy, draw.choice((0, draw.randrange(copy.stat().st_size))))


def edit(draw: random.Random, copy: Path, _original: Path) -> None:
    """Somebody wrote into it: of the same size or longer, at a later time."""
    flip(draw, copy, copy)
    if draw.random() < 0.5:
        copy.write_bytes(copy.read_bytes() + b"a note")


def other(draw: random.Random, copy: Path, _original: Path) -> None:
    """Somebody saved another picture under the name."""
    new = copy.with_name("new")
    new.write_bytes(fits(fill=draw.randrange(60_000), cards=(f"NOTE    = {draw.random():>20}",)))
    new.rename(copy)


def gone(_draw: random.Random, copy: Path, _original: Path) -> None:
    """Somebody deleted it."""
    copy.unlink()


def link(_draw: random.Random, copy: Path, original: Path) -> None:
    """A link to the original took its place."""
    copy.unlink()
    copy.symlink_to(os.path.relpath(original, copy.parent))


def hard_link(_draw: random.Random, copy: Path, original: Path) -> None:
    """A tool that saves room made one file of both."""
    copy.unlink()
    copy.hardlink_to(original)


def folder(_draw: random.Random, copy: Path, _original: Path) -> None:
    """A folder took its place."""
    copy.unlink()
    copy.mkdir()


def touch(_draw: random.Random, copy: Path, _original: Path) -> None:
    """A restore from a backup set the time anew."""
    os.utime(copy)


ROT: tuple[Damage, ...] = (flip, blank, cut)
"""These leave the mtime."""
WORK: tuple[Damage, ...] = (edit, other)
LOSS: tuple[Damage, ...] = (gone, link, folder)
HARMLESS: tuple[Damage, ...] = (hard_link, touch)


class Contents:
    """A card's contents and where good copies of them may be."""

    def __init__(self, card: Path, library: Path, *, then_in: Path | None = None) -> None:
        """``then_in``: where files of the card are moved to."""
        self.card = card
        self.library = library
        self._then_in = then_in
        self.good = {path.name: path.read_bytes() for path in sorted(card.iterdir())}

    def stored(self, name: str) -> bool:
        """Whether the library holds a good copy: a file of its own or one that shares its bytes with the card's."""
        stem = name.removesuffix(".fit")
        return any(
            path.is_file() and not path.is_symlink() and path.read_bytes() == self.good[name]
            for path in self.library.rglob(f"{stem}*.fit")
            if ".nightbus" not in path.parts
        )

    def lost(self) -> list[str]:
        """Contents that are neither on the card nor good in the library: at no moment there may be one."""
        return [name for name in self.good if not self._on_card(name) and not self.stored(name)]

    def _on_card(self, name: str) -> bool:
        for place in filter(None, (self.card, self._then_in)):
            try:
                return (place / name).read_bytes() == self.good[name]
            except FileNotFoundError:
                continue
        return False


@pytest.mark.parametrize("way", ["ingest --verify", "ingest --mode move", "watched move"])
async def test_random_damages_and_then_the_card_again(
    settings: Settings,
    nats_client: Client,
    tmp_path: Path,
    seed: int,
    say: Say,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
) -> None:
    """A hundred stored copies are damaged, then the card comes again: every content ends good, none is lost before.

    Rot is replaced and kept aside, what people did keeps its name, and a source goes only after its content is whole.
    """
    monkeypatch.setattr(runner, "POLL_S", 0.1)
    started, draw = time.monotonic(), random.Random(seed)
    card, watched = tmp_path / "card", tmp_path / "watched"
    for place in (card, watched):
        place.mkdir()
    for number in range(FILES):
        content = fits(width=draw.randrange(8, 120), fill=number, cards=(f"NUMBER  = {draw.random():>20}",))
        (card / f"{number:03}.fit").write_bytes(content)
    mover = FolderSettings(name="mover", path=watched, mode="move", settle_s=0.0, walk_interval_s=0.5)
    async with ingest(configured(settings, tmp_path, mover), nats_client) as service:
        assert (await service.take(card))["arrived"] == FILES
        again = card.rename(tmp_path / "again")
        contents = Contents(again, service.library)
        kinds, held = await damaged(service, contents, draw)
        if way == "watched move":
            again = contents.card = again.rename(watched / "again")
        ended = asyncio.Event()
        watching = asyncio.create_task(watch_for_loss(contents, ended))
        if way == "ingest --verify":
            report = await service.take(again, verify=True)
        elif way == "ingest --mode move":
            report = await service.take(again, mode="move")
        else:
            await service.until_ledger(*(f"again/{name}" for name in contents.good), within_s=60)
            await until(lambda: all_tried(service), within_s=60)
            report = await service.take(again)  # what people deleted is brought back by an import only
            await service.pool.execute("UPDATE deletion SET next_try_at = clock_timestamp() WHERE state = 'waiting'")
        assert report["failed"] == 0, report["failures"]
        if "move" in way:
            await until(lambda: all_deleted(service), within_s=60)
        ended.set()
        looks = await watching
        check(contents, kinds, held)
        left = sorted(path.name for path in again.iterdir())
        assert left == (sorted(n for n in kinds if kinds[n] is hard_link) if "move" in way else sorted(contents.good))
        (row,) = await service.rows("SELECT missing, damaged FROM library_state")
        assert row == {"missing": 0, "damaged": sum(kind in ROT for kind in kinds.values())}
    counts = Counter(kind.__name__ for kind in kinds.values())
    say(f"{', '.join(f'{name} {count}' for name, count in sorted(counts.items()))}; {looks} looks, none lost")
    say(spent(started))


async def test_killed_again_and_again_while_it_mends(folder: Path, seed: int, say: Say) -> None:
    """Ingest is killed 15 times while it mends a hundred rotten copies from a `move` source.

    At no moment is a content lost; in the end each is good, its source gone, its damaged copy kept and told of.
    """
    started, draw = time.monotonic(), random.Random(seed)
    card, moving = folder / "card", folder / "moving"
    for place in (card, moving):
        place.mkdir()
    for number in range(FILES):
        (card / f"{number:03}.fit").write_bytes(fits(width=400, height=300, fill=draw.randrange(2**16 - 200) + number))
    sources = [
        {"name": "card", "path": str(card), "mode": "copy", "walk_interval_s": 2},
        {"name": "moving", "path": str(moving), "mode": "move", "walk_interval_s": 2},
    ]
    async with running(folder / "home", sources, supervised=False) as world:

        async def counted(query: str) -> int:
            async with world.database() as connection:
                return int(await connection.fetchval(query))

        async def here() -> bool:
            return await counted("SELECT count(*) FROM ingest.location") == FILES

        await until(here, within_s=120)
        library = world.stack.home.path / "library"
        contents = Contents(card, library, then_in=moving)
        held = {}
        for name in contents.good:
            copy, before = library / "card" / name, (library / "card" / name).stat()
            flip(draw, copy, copy)
            os.utime(copy, ns=(before.st_atime_ns, before.st_mtime_ns))
            held[name] = copy.read_bytes()
        again = contents.card = card.rename(folder / "again")
        ended = asyncio.Event()
        watching = asyncio.create_task(watch_for_loss(contents, ended))
        names = sorted(contents.good)
        for number in range(KILLS):
            before_kill = works(library)

            async def at_work(before: tuple[int, int] = before_kill) -> bool:
                """Whether something has been staged or mended since."""
                return works(library) != before

            for name in names[number * FILES // KILLS : (number + 1) * FILES // KILLS]:
                shutil.move(again / name, moving / name)
            await until(at_work, within_s=60)
            await asyncio.sleep(draw.uniform(0.0, 0.1))
            await kill_ingest(world)
            await world.stack.services["ingest"].start()

        async def mended() -> bool:
            return not list(moving.iterdir()) and await counted("SELECT count(*) FROM ingest.damage") == FILES

        await until(mended, within_s=120)
        ended.set()
        looks = await watching
        check(contents, dict.fromkeys(names, flip), held)
    say(f"{KILLS} kills of ingest; {looks} looks, none lost; {spent(started)}")


def works(library: Path) -> tuple[int, int]:
    """How many copies have no name yet, and how many damaged ones lie aside."""
    own = library / ".nightbus"
    return sum(1 for _ in (own / "tmp").glob("*")), sum(1 for _ in (own / "damaged").rglob("*.fit"))


async def damaged(
    service: Ingest, contents: Contents, draw: random.Random
) -> tuple[dict[str, Damage], dict[str, bytes]]:
    """Damage every stored copy; how, and what each then holds, by name."""
    kinds: dict[str, Damage] = {}
    held: dict[str, bytes] = {}
    for row in await service.rows("SELECT path, mtime_ns FROM location ORDER BY path"):
        copy = service.library / row["path"]
        kind = kinds[copy.name] = draw.choice(ROT + WORK + LOSS + HARMLESS)
        kind(draw, copy, contents.card / copy.name)
        if kind in ROT:
            os.utime(copy, ns=(row["mtime_ns"], row["mtime_ns"]))
        held[copy.name] = copy.read_bytes() if copy.is_file() else b""
    return kinds, held


async def watch_for_loss(contents: Contents, ended: asyncio.Event) -> int:
    """Look again and again whether every content has a good copy; how often that was."""
    looks = 0
    while not ended.is_set():
        # What leaves the card in the middle of a look is in the library by then: it is looked for there once more.
        lost = await asyncio.to_thread(lambda: [name for name in contents.lost() if not contents.stored(name)])
        assert not lost, f"no good copy anywhere of {lost[:3]}"
        looks += 1
    return looks


async def all_tried(service: Ingest) -> bool:
    """Whether every deletion was done, or has a reason why not."""
    return not await service.rows("SELECT FROM deletion WHERE reason IS NULL")


async def all_deleted(service: Ingest) -> bool:
    """Whether every deletion was done or refused."""
    return not await service.rows("SELECT FROM deletion WHERE state IN ('waiting', 'running')")


def check(contents: Contents, kinds: dict[str, Damage], held: dict[str, bytes]) -> None:
    """Every content is good in the library; rot lies aside, and what people did is where they did it."""
    assert [name for name in contents.good if not contents.stored(name)] == []
    library = contents.library
    aside = {path.name: path.read_bytes() for path in (library / ".nightbus/damaged").rglob("*.fit")}
    assert aside == {name: held[name] for name, kind in kinds.items() if kind in ROT}
    for name, kind in kinds.items():
        copy = library / "card" / name
        if kind in WORK:
            assert copy.read_bytes() == held[name], f"{name}: what {kind.__name__} made was touched"
        elif kind in HARMLESS or kind in ROT:
            assert copy.read_bytes() == contents.good[name]
        else:
            assert (copy.is_symlink(), copy.is_dir()) == (kind is link, kind is folder)
