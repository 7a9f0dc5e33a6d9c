"""Jobs of the keeper that are killed at every step, and what must be true of each then and in the end."""

import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Literal
from uuid import UUID, uuid4

import asyncpg

from services.ingest.keeper.keeper import Keeper
from shared.db.pool import pool_of
from shared.events.commands import FileMove, ForgetFiles, MoveFiles, PlaceFile, RemoveFiles, StoredFile
from shared.events.file import Location
from shared.library.roots import Root, open_library
from shared.library.stage import clean_temporaries
from shared.settings import PostgresSettings
from tests.integration.ingest.world import library_files, sha256, unfinished_copies, write
from tests.keeping import KeeperServer

MOST_STEPS = 200
HANDOVER = ".nightbus/handover/calibration"


@dataclass
class Kept:
    """A library with a keeper, and a server whose children work on what it was asked."""

    pool: asyncpg.Pool
    root: Root
    keeper: Keeper
    server: KeeperServer
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    async def known(self, *paths: str) -> dict[str, str]:
        """Put files into the library that are known there; file ids by path."""
        found = {}
        for path in paths:
            content = f"content of {path}".encode()
            write(self.root.path, {path: content})
            found[path] = sha256(content)
            await self.pool.execute(
                "INSERT INTO file (file_id, size_bytes, source, origin) VALUES ($1, $2, 'rig', $3)",
                found[path], len(content), path,
            )  # fmt: skip
            mtime_ns = (self.root.path / path).stat().st_mtime_ns
            await self.pool.execute(
                "INSERT INTO location (root, path, file_id, mtime_ns) VALUES ('library', $1, $2, $3)",
                path, found[path], mtime_ns,
            )  # fmt: skip
        return found

    async def row(self, job_id: UUID) -> asyncpg.Record:
        """What the contract says of a job."""
        row = await self.pool.fetchrow("SELECT * FROM keeper_job_progress WHERE job_id = $1", job_id)
        assert row is not None
        return row

    async def places(self, file_id: str) -> list[str]:
        """Where a content lies by the rows, without what is missing."""
        query = "SELECT path FROM location WHERE file_id = $1 AND missing_since IS NULL ORDER BY path"
        return [row["path"] for row in await self.pool.fetch(query, file_id)]

    async def told(self, file_id: str) -> list[str]:
        """The subjects of the events of a file, in their order."""
        rows = await self.pool.fetch("SELECT subject, payload FROM outbox ORDER BY outbox_id")
        return [row["subject"] for row in rows if json.loads(row["payload"])["file_id"] == file_id]

    async def take_over(self) -> None:
        """Have leases of killed children run out, and the library opened anew."""
        clean_temporaries(self.root, older_than_hours=0.0)
        await self.pool.execute(
            "UPDATE keeper_job SET leased_until = now() - interval '1 minute' WHERE state = 'running'"
        )


@asynccontextmanager
async def kept_library(postgres: PostgresSettings, folder: Path) -> AsyncIterator[Kept]:
    """An empty library on a migrated database."""
    root = Root("library", folder / "library", writable=True)
    marker = open_library(root, first_time=True)
    async with pool_of(postgres, "ingest") as pool:
        await pool.execute(
            "INSERT INTO root (name, path, kind, marker_id) VALUES ('library', $1, 'library', $2)",
            str(root.path), UUID(marker.id),
        )  # fmt: skip
        with KeeperServer(postgres, root.path) as server:
            yield Kept(pool, root, Keeper(pool, lambda: None, library=root), server)


class Deed:
    """One thing that the keeper is asked for, in a folder of its own."""

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        self.folder = f"night-{next(kept.numbers)}"
        self.job_id = uuid4()

    async def ask(self) -> None:
        """Make the files that it is about, and commit the job."""
        raise NotImplementedError

    async def killed(self) -> None:
        """What must be true right after a kill."""
        raise NotImplementedError

    async def done(self) -> None:
        """What must be true in the end."""
        raise NotImplementedError

    def at(self, name: str) -> str:
        """The path of one of its files."""
        return f"{self.folder}/{name}"

    def contents(self) -> dict[str, bytes]:
        """What lies in its folder, by path."""
        return {path: data for path, data in library_files(self.kept.root.path).items() if f"{self.folder}/" in path}


class Moving(Deed):
    """Two files are renamed, all or nothing."""

    async def ask(self) -> None:
        """Two files, each to another folder."""
        self.ids = await self.kept.known(self.at("a.fit"), self.at("b.fit"))
        await self.kept.keeper.move(MoveFiles(command_id=self.job_id, moves=self.moves()))

    def moves(self) -> tuple[FileMove, ...]:
        """From the folder to one below it."""
        return tuple(
            FileMove(
                file_id=file_id,
                from_location=Location(root="library", path=path),
                to_location=Location(root="library", path=self.moved(path)),
            )
            for path, file_id in self.ids.items()
        )

    def moved(self, path: str) -> str:
        """Where a file is to go."""
        return path.replace(f"{self.folder}/", f"{self.folder}/moved/")

    async def killed(self) -> None:
        """Each file is where the rows say, and the rows agree on whether all were moved."""
        found = self.contents()
        places = [await self.kept.places(file_id) for file_id in self.ids.values()]
        assert all(sha256(found[place]) == file_id for file_id, (place,) in zip(self.ids.values(), places, strict=True))
        assert len({"moved" in place for (place,) in places}) == 1

    async def done(self) -> None:
        """All were moved, once, and nothing is left of the old names."""
        assert {path: sha256(data) for path, data in self.contents().items()} == {
            self.moved(path): file_id for path, file_id in self.ids.items()
        }
        for path, file_id in self.ids.items():
            assert await self.kept.places(file_id) == [self.moved(path)]
            assert await self.kept.told(file_id) == ["file.moved"]
        assert (await self.kept.row(self.job_id))["state"] == "done"


class Undoing(Moving):
    """The name of the second file is taken while the first one has its own already: nothing is changed."""

    async def ask(self) -> None:
        """The same, after the look that everything is free."""
        await super().ask()
        write(self.kept.root.path, {self.moved(self.at("b.fit")): b"somebody else's"})
        await self.kept.pool.execute("UPDATE keeper_job SET phase = 'naming' WHERE job_id = $1", self.job_id)

    async def killed(self) -> None:
        """Each file is where it was."""
        await super().killed()
        assert [await self.kept.places(file_id) for file_id in self.ids.values()] == [[path] for path in self.ids]

    async def done(self) -> None:
        """Only what was there is there, and the job says why."""
        expected = {**self.ids, self.moved(self.at("b.fit")): sha256(b"somebody else's")}
        assert {path: sha256(data) for path, data in self.contents().items()} == expected
        for path, file_id in self.ids.items():
            assert await self.kept.places(file_id) == [path]
            assert await self.kept.told(file_id) == []
        row = await self.kept.row(self.job_id)
        assert (row["state"], row["reason"].endswith("and nothing is overwritten")) == ("failed", True)


class Placing(Deed):
    """A file that a service made gets its place, and is announced."""

    kind = "library"

    async def ask(self) -> None:
        """A master in the folder for handing over."""
        self.content = f"master of {self.folder}".encode()
        self.given = f"{HANDOVER}/{self.folder}.fits"
        write(self.kept.root.path, {self.given: self.content})
        command = PlaceFile(
            command_id=self.job_id, file_id=sha256(self.content), size_bytes=len(self.content),
            from_location=Location(root="library", path=self.given),
            to_location=Location(root="library", path=self.at("master.fits")), kind=self.kind, made_by="calibration",
        )  # fmt: skip
        await self.kept.keeper.place(command)

    async def killed(self) -> None:
        """It lies where it was given, or where it belongs."""
        places = (self.kept.root.path / self.given, self.kept.root.path / self.at("master.fits"))
        assert self.content in [place.read_bytes() for place in places if place.exists()]

    async def done(self) -> None:
        """It lies where it belongs, alone, and is told once where it counts."""
        assert self.contents() == {self.at("master.fits"): self.content}
        assert not (self.kept.root.path / self.given).exists()
        assert unfinished_copies(self.kept.root.path) == []
        assert await self.kept.places(sha256(self.content)) == [self.at("master.fits")]
        assert await self.kept.told(sha256(self.content)) == (["file.arrived"] if self.kind == "library" else [])
        assert (await self.kept.row(self.job_id))["state"] == "done"


class PlacingDerived(Placing):
    """The same of a file that never counts."""

    kind = "derived"


class PlacingLink(Deed):
    """A master of the library gets a link beside a night's lights, in place of a copy."""

    how: Literal["symlink", "hardlink"] = "symlink"

    async def ask(self) -> None:
        """A known master."""
        self.ids = await self.kept.known(self.at("library/master.fits"))
        ((path, file_id),) = self.ids.items()
        command = PlaceFile(
            command_id=self.job_id, file_id=file_id, size_bytes=(self.kept.root.path / path).stat().st_size,
            from_location=Location(root="library", path=path),
            to_location=Location(root="library", path=self.at("DATE_2026-01-03/master.fits")), kind="derived",
            made_by="calibration", how=self.how,
        )  # fmt: skip
        await self.kept.keeper.place(command)

    async def killed(self) -> None:
        """The master is whole where it was."""
        for path, file_id in self.ids.items():
            assert sha256((self.kept.root.path / path).read_bytes()) == file_id

    async def done(self) -> None:
        """The link leads to it, once, and is known as derived; nothing is told."""
        ((path, file_id),) = self.ids.items()
        link, master = self.kept.root.path / self.at("DATE_2026-01-03/master.fits"), self.kept.root.path / path
        assert [one.name for one in link.parent.iterdir()] == ["master.fits"]
        assert link.samefile(master)
        assert link.is_symlink() == (self.how == "symlink")
        assert bool(master.stat().st_mode & 0o222) == (self.how == "symlink")
        row = await self.kept.pool.fetchrow("SELECT * FROM derived_location WHERE path ^@ $1", self.folder)
        assert row is not None
        says = "../library/master.fits" if self.how == "symlink" else None
        assert (row["file_id"], row["path"], row["links_to"]) == (file_id, self.at("DATE_2026-01-03/master.fits"), says)
        assert await self.kept.told(file_id) == []
        assert unfinished_copies(self.kept.root.path) == []
        assert (await self.kept.row(self.job_id))["state"] == "done"


class PlacingHardLink(PlacingLink):
    """The same by a further name of the file itself."""

    how = "hardlink"


class RemovingLink(PlacingLink):
    """A link is removed again, and what it leads to stays."""

    async def ask(self) -> None:
        """A link that was placed."""
        await super().ask()
        assert not self.kept.server.work()
        await PlacingLink.done(self)
        ((_, file_id),) = self.ids.items()
        place = Location(root="library", path=self.at("DATE_2026-01-03/master.fits"))
        self.job_id = uuid4()
        files = (StoredFile(file_id=file_id, location=place),)
        await self.kept.keeper.remove(RemoveFiles(command_id=self.job_id, files=files, reason="another master fits"))

    async def done(self) -> None:
        """Only the master is left, known where it lies."""
        ((path, file_id),) = self.ids.items()
        assert {one: sha256(data) for one, data in self.contents().items()} == {path: file_id}
        assert not os.path.lexists(self.kept.root.path / self.at("DATE_2026-01-03/master.fits"))
        assert await self.kept.places(file_id) == [path]
        assert (await self.kept.row(self.job_id))["state"] == "done"


class Removing(Deed):
    """A file is removed with a reason; it stays known."""

    async def ask(self) -> None:
        """One file goes, its neighbour stays."""
        self.ids = await self.kept.known(self.at("a.fit"), self.at("b.fit"))
        location = Location(root="library", path=self.at("a.fit"))
        files = (StoredFile(file_id=self.ids[self.at("a.fit")], location=location),)
        await self.kept.keeper.remove(RemoveFiles(command_id=self.job_id, files=files, reason="clouds"))

    async def killed(self) -> None:
        """It is there, or known as missing."""
        assert self.at("a.fit") in self.contents() or not await self.kept.places(self.ids[self.at("a.fit")])

    async def done(self) -> None:
        """It is gone and known, with the reason; no event says that it was forgotten."""
        assert list(self.contents()) == [self.at("b.fit")]
        rows = await self.kept.pool.fetch("SELECT path, removed_reason FROM missing_file WHERE path ^@ $1", self.folder)
        assert [tuple(row) for row in rows] == [(self.at("a.fit"), "clouds")]
        assert await self.kept.told(self.ids[self.at("a.fit")]) == []
        assert (await self.kept.row(self.job_id))["state"] == "done"


class Forgetting(Deed):
    """A file is forgotten, and deleted."""

    async def ask(self) -> None:
        """One file goes, its neighbour stays."""
        self.ids = await self.kept.known(self.at("a.fit"), self.at("b.fit"))
        file_ids = (self.ids[self.at("a.fit")],)
        command = ForgetFiles(command_id=self.job_id, file_ids=file_ids, reason="the cap was on", delete_files=True)
        await self.kept.keeper.forget(command)

    async def killed(self) -> None:
        """No byte is deleted of what is still known."""
        assert self.at("a.fit") in self.contents() or not await self.kept.places(self.ids[self.at("a.fit")])
        assert self.at("b.fit") in self.contents()

    async def done(self) -> None:
        """Nothing is left of it but its tombstone, and it was told once."""
        gone, stays = self.ids[self.at("a.fit")], self.ids[self.at("b.fit")]
        assert list(self.contents()) == [self.at("b.fit")]
        assert await self.kept.places(stays) == [self.at("b.fit")]
        assert await self.kept.pool.fetchval("SELECT count(*) FROM file WHERE file_id = $1", gone) == 0
        assert await self.kept.pool.fetchval("SELECT reason FROM forgotten_file WHERE file_id = $1", gone)
        assert await self.kept.told(gone) == ["file.removed"]
        assert (await self.kept.row(self.job_id))["state"] == "done"


DEEDS: dict[str, Callable[[Kept], Deed]] = {
    "move": Moving,
    "move that is undone": Undoing,
    "place": Placing,
    "place what is derived": PlacingDerived,
    "place a symbolic link": PlacingLink,
    "place a hard link": PlacingHardLink,
    "remove": Removing,
    "remove a symbolic link": RemovingLink,
    "forget": Forgetting,
}


async def killed_at_every_step(kept: Kept, kind: Callable[[Kept], Deed]) -> int:
    """Have a deed killed before each of its steps, and done by whoever comes next; how many steps it has."""
    for step in count(1):
        assert step < MOST_STEPS, "the work has no end"
        deed = kind(kept)
        await deed.ask()
        killed = kept.server.work(die_before=step)
        if killed:
            await deed.killed()
            await kept.take_over()
            assert not kept.server.work()
        await deed.done()
        if not killed:
            return step - 1
    raise AssertionError
