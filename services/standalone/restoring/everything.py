"""Everything from a destination alone, in order; what was interrupted goes on when it is asked for again."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from services.backup.adoption import adopt_archives
from services.backup.database.layout import Note
from services.backup.destinations.kinds import opened
from services.backup.destinations.port import Destination
from services.backup.kept_settings.copy import latest_settings
from services.backup.restore.thaw import Needed
from services.backup.settings import DestinationSettings
from services.descriptions import SCHEMAS
from services.settings import AllSettings
from services.standalone.home import Home
from services.standalone.restoring import ground
from services.standalone.restoring.database import require_known, restore_database, server_of
from services.standalone.restoring.files import Files, FilesBack, Folders
from services.standalone.restoring.ground import Ground
from services.standalone.restoring.places import settle_places
from services.standalone.restoring.settings import Ask, fit, gather, secrets_of, write_settings
from services.standalone.restoring.source import choose_dump, find_installation, good_dumps
from shared.db.pool import connected, pool_of
from shared.errors import UserError
from shared.library.reading import shown

TREES, NEWER = "trees", "newer"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks for."""

    source: DestinationSettings
    home: Path
    settings_file: Path
    library: Path | None = None
    """None: below the home."""
    installation_id: str | None = None
    dump: str | None = None
    secrets: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it."""

    installation_id: str
    dump: Note
    library: Path
    settings_file: Path
    adopted: int
    """Archives that were made after the dump."""
    files: Files
    trees: list[str]
    """Indexed trees whose files came back: name, and folder."""
    newer: Path | None
    """Where files lie that the database does not know yet."""


class Told(Protocol):
    """Hears of each step; a person sees it."""

    def step(self, words: str) -> None:
        """A step begins."""

    def dump(self, read_bytes: int, size_bytes: int) -> None:
        """So much of the dump is read."""

    def files(self, so_far: Files) -> None:
        """So far it is with the files."""


Thaw = Callable[[Mapping[str, Destination], Needed], Awaitable[None]]
"""Has archives thawed that cannot be read yet, once a person agreed to what that costs, and waits until they are."""


async def restore_everything(wish: Wish, ask: Ask, told: Told, thaw: Thaw) -> Done:
    """Make a home of what lies at a destination.

    Raises:
        UserError: it cannot be done; one sentence.
        Transient: the destination is away; asked for again, it goes on.
    """
    ground.require_free(wish.home)
    told.step("looking at the destination")
    source = await find_installation(wish.source, wish.installation_id)
    async with opened(source.configured, source.installation_id) as destination:
        await destination.check(source.installation_id)
        dumps = await good_dumps(destination)
        before = ground.unfinished(wish.home)
        if before is not None and before.installation_id != source.installation_id:
            raise UserError(
                f"{shown(wish.home)} holds the unfinished restore of the installation {before.installation_id}: name "
                "another folder with --home"
            )
        note = choose_dump(dumps, wish.dump if before is None else before.dump)
        require_known(note, SCHEMAS)
        library = wish.library or wish.home.absolute() / "library"
        settings = fit(await latest_settings(destination), AllSettings, wish.source, note.destination, library)
        needed = settings.needed(Path.is_file)
        secrets = gather(needed, wish.secrets | secrets_of(wish.source, note.destination), ask)
        _require_new(wish.settings_file, again=before is not None)
        with Home.open(wish.home) as home:
            state = before or Ground(source.installation_id, note.key)
            ground.begin(home, state)
            done = await _fill(home, state, note, destination, library, told, thaw)
            for name, folder in done.trees:
                settings.set_member_if_there("sources", name, {"path": str(folder)})
            write_settings(wish.settings_file, settings, needed, secrets, home)
            ground.end(home)
    newer = wish.home / NEWER if done.files.newer else None
    trees = [f"{name} ({folder})" for name, folder in done.trees]
    return Done(
        source.installation_id, note, library, wish.settings_file, done.adopted, done.files, trees, newer
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Filled:
    adopted: int
    files: Files
    trees: list[tuple[str, Path]]


async def _fill(
    home: Home, state: Ground, note: Note, destination: Destination, library: Path, told: Told, thaw: Thaw
) -> _Filled:
    async with server_of(home) as postgres:
        if not state.database:
            told.step(f"restoring the database of {note.dumped_at:%Y-%m-%d %H:%M} UTC")
            await restore_database(postgres, destination, note, SCHEMAS, lambda read: told.dump(read, note.size_bytes))
            ground.begin(home, Ground(state.installation_id, state.dump, database=True))
        async with pool_of(postgres, postgres.admin_role, unhurried=True) as pool, connected(pool) as connection:
            told.step("reading the manifests")
            adopted = await adopt_archives(connection, destination, note.destination)
            folders = Folders(library, home.path / TREES, home.path / NEWER)
            back = FilesBack(connection, destination, note.destination, folders, told.files)
            if cold := await back.cold():
                told.step("some archives have to be thawed first")
                await thaw({note.destination: destination}, Needed((), cold))
            told.step("restoring the files")
            files = await back.run()
            trees = await settle_places(connection, library, folders.trees)
    return _Filled(adopted, files, trees)


def _require_new(file: Path, *, again: bool) -> None:
    """Make sure that no settings file is overwritten."""
    if file.exists() and not again:
        raise UserError(f"{shown(file)} is there already, and a restore overwrites nothing: name another with --config")
