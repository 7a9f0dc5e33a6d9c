"""Ingest over a source that is no folder: files come as streams, and all that is promised of folders holds."""

from pathlib import Path

import pytest
from nats.aio.client import Client
from structlog.testing import capture_logs

from services.ingest import follow, watch
from services.ingest.settings import FolderSettings
from shared.events.file import Hints
from shared.library.settings import LibrarySettings
from shared.settings import Settings
from tests.integration.ingest.world import (
    configured,
    fits,
    ingest,
    library_files,
    sha256,
    unfinished_copies,
    until,
)
from tests.memory_source import MemorySource

NEVER_S = 3600.0


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter pauses, the same rules."""
    monkeypatch.setattr(follow, "DEBOUNCE_S", 0.05)
    monkeypatch.setattr(watch, "MISSING_POLL_S", 0.05)


@pytest.fixture(params=[True, False], ids=["seekable", "stream"])
def telescope(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> MemorySource:
    """A source in memory, which ingest takes for the one that the settings describe."""
    source = MemorySource(seekable=request.param)
    for module in ("app", "delete"):
        monkeypatch.setattr(f"services.ingest.{module}.port_of", lambda *_words: source)
    return source


def rig(**more: object) -> FolderSettings:
    """Its settings; the path is nobody's."""
    words = {"name": "rig", "path": "/nowhere", "settle_s": 0.0, "walk_interval_s": NEVER_S, **more}
    return FolderSettings.model_validate(words)


async def test_what_a_stream_brings_arrives_once(
    settings: Settings, nats_client: Client, tmp_path: Path, telescope: MemorySource
) -> None:
    """New content arrives, known content is already here, what changes under a name replaces what it held."""
    telescope.put("M 31/a.fit", fits(fill=1))
    telescope.put("M 31/twin.fit", fits(fill=1))
    telescope.put("notes.txt", b"clouds")
    async with ingest(configured(settings, tmp_path, rig(walk_interval_s=0.3)), nats_client) as service:
        await service.until_ledger_is({"M 31/a.fit": "arrived", "M 31/twin.fit": "already_here"})
        assert library_files(service.library) == {"rig/M 31/a.fit": fits(fill=1)}
        telescope.put("M 31/a.fit", fits(fill=2))

        async def replaced() -> bool:
            return len(await service.arrivals()) == 2

        await until(replaced)
        first, second = await service.arrivals()
        assert (first.source, first.root, first.path, first.origin) == (
            "rig",
            "library",
            "rig/M 31/a.fit",
            "M 31/a.fit",
        )
        assert (second.file_id, second.replaces) == (sha256(fits(fill=2)), first.file_id)
        assert unfinished_copies(service.library) == []


async def test_a_cut_transfer_waits_and_a_bad_one_fails_alone(
    settings: Settings, nats_client: Client, tmp_path: Path, telescope: MemorySource
) -> None:
    """What lacks bytes that its header declares is looked at again, also where only its copy tells; nothing is left.

    What no index holds fails with a sentence that names it as a person finds it.
    """
    whole = fits(width=100)
    telescope.put("half.fit", whole[:4000])
    telescope.put("/".join(["x" * 200] * 11) + "/long.fit", b"long")
    telescope.put("good.fit", b"good")
    ready = configured(settings, tmp_path, rig(walk_interval_s=0.3), incomplete_wait_s=NEVER_S)
    async with ingest(ready, nats_client) as service:

        async def one_failed() -> bool:
            rows = await service.rows("SELECT reason FROM source_file WHERE state = 'failed'")
            return [row["reason"][:19] for row in rows] == ["memory://memory/xxx"]

        await until(one_failed)
        await service.until_ledger("good.fit")

        async def told() -> bool:
            (row,) = await service.rows("SELECT unfinished_for FROM source_state")
            return [words.partition(":")[0] for words in row["unfinished_for"] or ()] == ["half.fit"]

        await until(told)
        assert list(library_files(service.library)) == ["rig/good.fit"]

        async def nothing_left() -> bool:  # a copy is made for each look where only that tells
            return unfinished_copies(service.library) == []

        await until(nothing_left)
        telescope.put("half.fit", whole)
        await service.until_ledger("half.fit")
        assert library_files(service.library)["rig/half.fit"] == whole


async def test_move_empties_the_source_and_keeps_what_changed(
    settings: Settings, nats_client: Client, tmp_path: Path, telescope: MemorySource
) -> None:
    """move: what the library holds leaves the source, by its digest; a file that changed meanwhile is taken anew."""
    telescope.put("a.fit", b"a")
    telescope.put("stack.fit", b"10 subs")
    async with ingest(configured(settings, tmp_path, rig(mode="move", walk_interval_s=0.3)), nats_client) as service:

        async def empty() -> bool:
            return not telescope.files

        await until(empty)
        telescope.put("stack.fit", b"11 subs")
        await until(empty)
        assert sorted(library_files(service.library).values()) == [b"10 subs", b"11 subs", b"a"]


async def test_hints_of_a_source_bring_new_files_in_seconds(
    settings: Settings, nats_client: Client, tmp_path: Path, telescope: MemorySource
) -> None:
    """Between walks what the source tells is enough, and is told of as hints."""
    async with ingest(configured(settings, tmp_path, rig()), nats_client) as service:

        async def watched() -> bool:
            return await service.rows("SELECT hints FROM source_state WHERE walked_at IS NOT NULL") == [{"hints": True}]

        await until(watched)
        telescope.put("night/new.fit", b"new")
        await service.until_ledger("night/new.fit")


async def test_a_source_that_goes_away_fails_no_file(
    settings: Settings, nats_client: Client, tmp_path: Path, telescope: MemorySource
) -> None:
    """A telescope that is switched off in the middle: what came until then is kept, and nothing is said of the rest.

    The source is away, with the reason, and the rest comes when it is back.
    """
    for number in range(40):
        telescope.put(f"{number:02}.fit", b"%d" % number)
    telescope.leaves_after = 10
    with capture_logs() as logs:
        async with ingest(configured(settings, tmp_path, rig(), workers=1), nats_client) as service:

            async def away() -> bool:
                rows = await service.rows("SELECT state, reason FROM source_state")
                return rows == [{"state": "away", "reason": "memory://memory is switched off"}]

            await until(away)
            assert set((await service.ledger()).values()) == {"arrived"}
            assert len(library_files(service.library)) == 10
            telescope.leaves_after, telescope.there = None, True
            await service.until_ledger(*telescope.files)
            assert set((await service.ledger()).values()) == {"arrived"}
            assert unfinished_copies(service.library) == []
    assert [line for line in logs if line["event"] == "file not taken"] == []


async def test_facts_travel_with_the_file(
    settings: Settings, nats_client: Client, tmp_path: Path, telescope: MemorySource
) -> None:
    """What the source knows of a file and the settings say of all of them is in file.arrived, and stays there.

    A person's word wins, and a file that is read anew is announced with the same facts.
    """
    telescope.put("a.fit", b"a")
    telescope.put("b.fit", b"b")
    telescope.known["a.fit"] = Hints(
        catalog_id="M31", target="Andromeda", rig="its own", execution_id="run 7", execution_target_id="3"
    )
    async with ingest(configured(settings, tmp_path, rig(rig="garden", target="M 33")), nats_client) as service:
        await service.until_ledger("a.fit", "b.fit")
        facts = {event.origin: event.hints for event in await service.arrivals()}
        assert facts == {
            "a.fit": Hints(
                catalog_id="M31", target="M 33", rig="garden", execution_id="run 7", execution_target_id="3"
            ),
            "b.fit": Hints(target="M 33", rig="garden"),
        }
        assert await service.reread(sha256(b"a"), sha256(b"b")) == 2
        again = [event for event in await service.arrivals() if event.scan_revision == 2]
        assert {event.origin: event.hints for event in again} == facts


async def test_what_nobody_knows_is_no_fact(
    settings: Settings, nats_client: Client, tmp_path: Path, telescope: MemorySource
) -> None:
    """A file of which nothing is known has no hints, in its row as in its event."""
    telescope.put("a.fit", b"a")
    async with ingest(configured(settings, tmp_path, rig()), nats_client) as service:
        await service.until_ledger("a.fit")
        assert await service.rows("SELECT hints FROM file") == [{"hints": None}]
        assert [event.hints for event in await service.arrivals()] == [Hints()]


async def test_a_template_of_header_fields_reads_the_copy(
    settings: Settings, nats_client: Client, tmp_path: Path, telescope: MemorySource
) -> None:
    """Where a source's files cannot be read in place, what their header says of their place is read in the copy."""
    telescope.put("a.fit", fits(cards=("OBJECT  = 'M 31'", "IMAGETYP= 'LIGHT'")))
    ready = configured(settings, tmp_path, rig())
    library = ready.section(LibrarySettings).model_copy(update={"template": "{object}/{frame_type}/{name}"})
    async with ingest(ready.model_copy(update={"library": library}), nats_client) as service:
        await service.until_ledger("a.fit")
        assert list(library_files(service.library)) == ["M 31/LIGHT/a.fit"]
