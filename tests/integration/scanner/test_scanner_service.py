"""The scanner on the real stack: arrivals in, facts out, and hostile files cost nobody but themselves."""

from pathlib import Path

import pytest
from nats.aio.client import Client
from structlog.testing import capture_logs

from services.scanner import readers
from shared.bus import delivery
from shared.bus.names import DEAD_LETTERS, EVENTS
from shared.events.file import HEADER_CARDS_LIMIT_BYTES, FileScanned
from shared.settings import Settings
from tests.integration.ingest.world import events, fits, until, untouched, write
from tests.integration.scanner.world import DURABLE, arrival, hostile_readers, scanner

LIGHT = ("IMAGETYP= 'LIGHT'", "OBJECT  = 'M 31'", "EXPTIME =                 60.0", "DATE-OBS= '2025-10-20T20:00:00'")


async def test_what_arrived_is_scanned_or_quarantined(
    settings: Settings, nats_client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Captures become file.scanned under an id that follows from what was read.

    Texts, Java objects and empty headers are quarantined with a sentence that names file and reason; a missing file is
    tried again; a very long header is cut and says so. No file is touched.
    """
    monkeypatch.setattr(delivery, "retry_delay_s", lambda _attempt: 0.2)
    cards = tuple(f"COMMENT {number:06} {'x' * 60}" for number in range(5000))
    write(
        tmp_path,
        {
            "night/M31.fit": fits(cards=LIGHT),
            "long.fit": fits(cards=LIGHT + cards),
            "diary.fit": b"dear diary",
            "java.ser": b"\xac\xed\x00\x05sr\x00\x11java.util.HashMap",
            "bare.fit": f"SIMPLE  = {'T':>20}".ljust(80).encode() + b"END".ljust(2800),
        },
    )
    before = untouched(tmp_path)
    async with scanner(settings, nats_client, tmp_path) as running:
        late = fits(cards=LIGHT)
        await running.tell("late.fit", size_bytes=len(late))
        await running.tell("night/M31.fit", "long.fit", "diary.fit", "java.ser", "bare.fit")

        async def others_are_done() -> bool:
            return len(await running.scanned()) == 2 and len(await running.quarantined()) == 3

        await until(others_are_done, within_s=60)
        assert "late.fit" not in await running.quarantined(), "a missing path may only just have moved"
        write(tmp_path, {"late.fit": late})
        await running.tell("night/M31.fit", attempt=2)
        await running.tell("night/M31.fit", scan_revision=2)
        await running.until_done()

        scanned = await running.scanned()
        assert set(scanned) == {"night/M31.fit", "long.fit", "late.fit"}
        first = scanned["night/M31.fit"]
        assert (first.frame.object_name, first.frame.exposure_s) == ("M 31", 60.0)
        assert first.target is not None
        assert first.target.catalog_id == "M31"
        published = [
            (FileScanned.model_validate_json(data), message_id)
            for data, message_id in await events(nats_client.jetstream(), FileScanned.subject)
        ]
        ids = [(event.scan_revision, message_id) for event, message_id in published if event.path == "night/M31.fit"]
        assert [revision for revision, _ in ids] == [1, 2], "the same arrival twice is one event"
        assert all(str(event.event_id) == message_id == str(event.derive_id()) for event, message_id in published)

        long = scanned["long.fit"]
        assert sum(map(len, long.header_cards)) < HEADER_CARDS_LIMIT_BYTES
        assert any("header cards left out of the event" in problem for problem in long.problems)
        assert max(len(data) for data, _ in await events(nats_client.jetstream(), FileScanned.subject)) < 512 * 1024

        reasons = await running.quarantined()
        assert reasons == {
            "diary.fit": "diary.fit: not a capture file: it is text that begins with 'dear diary'",
            "java.ser": "java.ser: not a capture file: it is Java serialized objects",
            "bare.fit": "bare.fit: begins like FITS, but has no header: fewer than 3 80-column cards with a value",
        }
        assert (await nats_client.jetstream().stream_info(DEAD_LETTERS)).state.messages == len(reasons)
    (tmp_path / "late.fit").unlink()
    assert untouched(tmp_path) == before


async def test_files_wait_for_a_root_that_is_away(
    settings: Settings, nats_client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unplugged disk costs no file its scan: nothing is quarantined, it is said once, and all is scanned later."""
    monkeypatch.setattr(delivery, "retry_delay_s", lambda _attempt: 0.1)
    monkeypatch.setattr(delivery, "MAX_ATTEMPTS", 2)
    root, names = tmp_path / "disk", [f"night/{number}.fit" for number in range(3)]
    write(root, {name: fits(cards=LIGHT) for name in names})
    with capture_logs() as logs:
        async with scanner(settings, nats_client, root) as running:
            root.rename(tmp_path / "unplugged")
            await running.tell(*names, size_bytes=len(fits(cards=LIGHT)))
            consumer = nats_client.jetstream()

            async def tried_often() -> bool:
                return bool((await consumer.consumer_info(EVENTS, DURABLE)).delivered.consumer_seq >= 5 * len(names))

            await until(tried_often)
            assert await running.quarantined() == {}
            (tmp_path / "unplugged").rename(root)
            await running.until_done()
            assert set(await running.scanned()) == set(names)
        assert (await consumer.stream_info(DEAD_LETTERS)).state.messages == 0
    said = [line["event"] for line in logs if str(line.get("what")).startswith("the root ")]
    assert said == ["waits", "goes on"]


async def test_a_file_that_has_gone_is_quarantined_soon_and_without_a_dead_letter(
    settings: Settings, nats_client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A renamed or deleted file is looked for a few times, then said to have gone: there is nothing to replay."""
    monkeypatch.setattr(delivery, "retry_delay_s", lambda _attempt: 0.1)
    root = tmp_path / "tree"
    write(root, {"there.fit": fits(cards=LIGHT), "gone.fit": fits(cards=LIGHT)})
    async with scanner(settings, nats_client, root) as running:
        await running.tell("there.fit")
        size_bytes = (root / "gone.fit").stat().st_size
        (root / "gone.fit").unlink()
        await running.tell("gone.fit", size_bytes=size_bytes)
        await running.until_done()
        assert set(await running.scanned()) == {"there.fit"}
        (reason,) = (await running.quarantined()).values()
        assert "gone.fit is not in" in str(reason)
        assert "was it renamed or deleted?" in str(reason)
    assert (await nats_client.jetstream().stream_info(DEAD_LETTERS)).state.messages == 0


async def test_hostile_files_cost_only_themselves(
    settings: Settings, nats_client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that hangs its reader and one that kills it are tried twice and quarantined with a sentence.

    One whose reader dies once is scanned at the second try; every other file is scanned.
    """
    hostile_readers(tmp_path / "python", monkeypatch)
    monkeypatch.setattr(readers, "RESTART_PAUSE_S", 0.05)
    root = tmp_path / "tree"
    good = [f"good{number:02}.fit" for number in range(12)]
    write(root, {name: fits(cards=LIGHT) for name in (*good, "hangs.fit", "kills.fit", "trips.fit")})
    async with scanner(settings, nats_client, root, workers=2, time_limit_s=1.0) as running:
        await running.tell(*good[:4], "kills.fit", *good[4:6], "hangs.fit", *good[6:], "trips.fit")
        await running.until_done()
        assert set(await running.scanned()) == {*good, "trips.fit"}
        assert await running.quarantined() == {
            "kills.fit": "kills.fit: reading was given up, because its reader was killed by SIGKILL, twice",
            "hangs.fit": "hangs.fit: reading was given up, because its reader took longer than 1.0 s, twice",
        }


async def test_an_image_larger_than_memory(settings: Settings, nats_client: Client, tmp_path: Path) -> None:
    """Images that no reader may hold keep their facts and say why they were not measured.

    A file after them is measured as ever, by the same service.
    """
    for name, side, bitpix in (("huge.fit", 40_000, 16), ("large.fit", 14_000, -64)):
        head = fits(width=1, height=1, cards=LIGHT)[:2880]
        head = head.replace(f"NAXIS1  = {1:>20}".encode(), f"NAXIS1  = {side:>20}".encode())
        head = head.replace(f"NAXIS2  = {1:>20}".encode(), f"NAXIS2  = {side:>20}".encode())
        head = head.replace(f"BITPIX  = {16:>20}".encode(), f"BITPIX  = {bitpix:>20}".encode())
        with (tmp_path / name).open("wb") as file:
            file.write(head)
            file.truncate(2880 + -(-side * side * abs(bitpix) // 8 // 2880) * 2880)
    write(tmp_path, {"small.fit": fits(width=64, height=64, fill=500, cards=LIGHT)})
    async with scanner(settings, nats_client, tmp_path, memory_limit_mb=640, measure_stars=True) as running:
        await running.tell("huge.fit", "large.fit", "small.fit")
        await running.until_done()
        assert await running.quarantined() == {}
        found = await running.scanned()
        assert (found["huge.fit"].frame.width_px, found["huge.fit"].quality) == (40_000, None)
        assert "not measured: the image has 1600000000 pixels, more than the limit of 400000000" in (
            found["huge.fit"].problems
        )
        assert (found["large.fit"].frame.object_name, found["large.fit"].quality) == ("M 31", None)
        assert any("needs more memory than a reader may use" in problem for problem in found["large.fit"].problems)
        assert found["small.fit"].quality is not None


def test_the_id_of_a_scan_is_deterministic(tmp_path: Path) -> None:
    """The arrival's own id moves with place and revision, so a moved file, or one to be reread, is read anew."""
    write(tmp_path, {"a.fit": b"a", "b/a.fit": b"a"})
    ids = {
        arrival(tmp_path / name, tmp_path, scan_revision=revision).event_id
        for name in ("a.fit", "b/a.fit")
        for revision in (1, 2)
        for _ in range(2)
    }
    assert len(ids) == 4
