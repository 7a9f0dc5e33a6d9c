"""Files of calibration on a running stack: masters are filed, placed beside lights, and raw frames go when they may."""

from pathlib import Path

from nats.aio.client import Client

from services.calibration import app as calibration_app
from services.calibration.store import cleanings
from shared.bus.rpc import ask
from shared.events.calibration_files import CleanCalibration, CleaningAccepted, DistributeMasters, MastersDistributed
from shared.events.frame import FrameType
from shared.settings import Settings
from tests.integration.calibration.filesworld import (
    DARK,
    FLAT,
    NIGHT,
    Files,
    also_running,
    chosen,
    files_stack,
    frame,
    lights,
)  # fmt: skip

MASTERS = "WBPP/_calibration/master"
DARK_NAME = "masterDark_EXPTIME_300.00_SETTEMP_-10.00_GAIN_100_OFFSET_50.fits"
FLAT_NAME = "masterFlat_DATE_2026-01-03_FILTER_Ha_SETTEMP_-10.00_GAIN_100_OFFSET_50_FOCALLEN_2032.fits"
DARKS, FLATS = "_Dark Library/ZWO ASI2600MM Pro", "_Flat Stash/ZWO ASI2600MM Pro/C8E"
BESIDE = f"rig/M 31/accept/DATE_{NIGHT}"
OPEN = "SELECT count(*) FROM placement WHERE state IN ('wanted', 'leaving')"


async def clean(stack: Files, client: Client, **said: object) -> list[tuple[object, ...]]:
    """Have a clean-up done; what became of each set."""
    accepted = await ask(client, CleanCalibration(**said), CleaningAccepted)
    await stack.until(f"SELECT state FROM cleaning WHERE cleaning_id = '{accepted.job_id}'", "done")
    query = "SELECT frame_type, frames, fate, reason FROM cleaning_set WHERE cleaning_id = $1 ORDER BY number"
    return await stack.rows(query, accepted.job_id)


async def test_masters_of_wbpp_are_filed_and_placed_beside_their_lights(
    settings: Settings, nats_client: Client, tmp_path: Path
) -> None:
    """A folder of WBPP is a source: its masters are filed by name, and placed where the night's lights lie, once.

    A later master that fits better takes the place of the one before; what somebody edited there stays; a twin of
    another content lies beside the first under a suffix, and the same content is not filed twice.
    """
    configured = chosen(settings, tmp_path, distribute="reflink")
    masters = tmp_path / "wbpp" / MASTERS
    lights(tmp_path / "rig", 3)
    frame(masters / "masterDark_BIN-1_64x48_EXPOSURE-300.00s.fits", "MASTER DARK", 1000, **DARK)
    frame(masters / "masterFlat_BIN-1_64x48_FILTER-Ha_mono.fits", "MASTER FLAT", 1001, **FLAT)
    async with files_stack(configured, nats_client, tmp_path) as stack:
        await stack.until("SELECT count(*) FROM filing WHERE state = 'filed'", 2)
        await stack.until("SELECT count(*) FROM placement WHERE state = 'placed'", 2)
        assert stack.below("_Dark Library") == [f"ZWO ASI2600MM Pro/{DARK_NAME}"]
        assert stack.below("_Flat Stash") == [f"ZWO ASI2600MM Pro/C8E/{FLAT_NAME}"]
        assert stack.below("wbpp") == []
        assert [name for name in stack.below(BESIDE) if "/" not in name] == [DARK_NAME, FLAT_NAME]
        contents = stack.contents()
        assert contents[f"{BESIDE}/{DARK_NAME}"] == contents[f"{DARKS}/{DARK_NAME}"]
        assert await stack.value("SELECT count(*) FROM ingest.derived_location WHERE made_by = 'calibration'") == 2
        assert await stack.value("SELECT files FROM ingest.counts") == 5, "what is placed is not counted"

        twin = f"{DARK_NAME.removesuffix('.fits')}-2.fits"
        (masters / "again.fits").write_bytes(contents[f"{DARKS}/{DARK_NAME}"])
        frame(masters / "masterDark_newer.fits", "MASTER DARK", 1002, "2026-01-05", **DARK)
        await stack.until("SELECT count(*) FROM filing WHERE state = 'filed'", 3)
        assert stack.below(DARKS) == [twin, DARK_NAME]
        newer = stack.contents()[f"{DARKS}/{twin}"]
        query = "SELECT count(*) FROM twin_masters WHERE has_near_twin"
        assert await stack.value(query) == 2
        await stack.until(
            "SELECT count(*) FROM placement p JOIN filing f USING (file_id) WHERE p.state = 'placed' "
            "AND f.path LIKE '%-2.fits'", 1,
        )  # fmt: skip
        await stack.until(OPEN, 0)
        placed = {data for path, data in stack.contents().items() if path.startswith(f"{BESIDE}/masterDark")}
        assert placed == {newer}, "the older one has gone"

        edited = stack.library / BESIDE / FLAT_NAME
        edited.write_bytes(b"a person's work")
        frame(masters / "flat2.fits", "MASTER FLAT", 1003, **{**FLAT, "EXPTIME": 2.1})
        await stack.until("SELECT count(*) FROM placement WHERE state = 'stays'", 1)
        await stack.until(OPEN, 0)
        assert edited.read_bytes() == b"a person's work"
        (reason,) = (await stack.rows("SELECT reason FROM placement WHERE state = 'stays'"))[0]
        assert "it is not what was to be removed" in reason


async def test_two_processes_file_each_master_once(settings: Settings, nats_client: Client, tmp_path: Path) -> None:
    """Masters that two processes of calibration find at once are moved once each, and none under a suffix."""
    configured = chosen(settings, tmp_path)
    for number in range(8):
        night = f"2026-02-{number + 1:02}"
        frame(tmp_path / "wbpp" / MASTERS / f"f{number}.fits", "MASTER FLAT", 1000 + number, night, **FLAT)
    async with files_stack(configured, nats_client, tmp_path) as stack, also_running(calibration_app, configured):
        await stack.until("SELECT count(*) FROM filing WHERE state = 'filed'", 8)
        names = [FLAT_NAME.replace(NIGHT, f"2026-02-{number + 1:02}") for number in range(8)]
        assert stack.below(FLATS) == names
        jobs = "SELECT state, count(*) FROM ingest.keeper_job_progress WHERE task = 'move' GROUP BY state"
        assert await stack.rows(jobs) == [("done", 8)]


async def test_links_beside_lights_by_choice(settings: Settings, nats_client: Client, tmp_path: Path) -> None:
    """Asked for, sessions get links in place of copies, again the same, and other ones in their place.

    What somebody removed by hand comes back when that is asked for again, and not before; a master in an indexed folder
    is used where it lies.
    """
    configured = chosen(settings, tmp_path)
    lights(tmp_path / "rig", 2)
    indexed = tmp_path / "old masters"
    frame(indexed / "d300.fits", "MASTER DARK", 1000, **DARK)
    frame(tmp_path / "wbpp" / MASTERS / "f.fits", "MASTER FLAT", 1001, **FLAT)
    before = (indexed / "d300.fits").read_bytes(), (indexed / "d300.fits").stat().st_mode
    async with files_stack(configured, nats_client, tmp_path) as stack:
        await stack.service.take(indexed, mode="index")
        await stack.until("SELECT count(*) FROM requirements WHERE state = 'matched'", 2)
        await stack.until("SELECT count(*) FROM filing WHERE state = 'filed'", 1)
        assert await stack.value("SELECT count(*) FROM placement") == 0, "nobody asked for it"

        async def placed(how: str) -> dict[str, tuple[bool, bool]]:
            """What lies beside the lights then: whether it is a symbolic link, and whether it is its master itself."""
            told = await ask(nats_client, DistributeMasters(how=how), MastersDistributed)
            assert told.sessions == 1
            await stack.until("SELECT count(*) FROM placement WHERE state = 'placed' AND how = '" + how + "'", 2)
            await stack.until(OPEN, 0)
            found = {}
            for name in (DARK_NAME, FLAT_NAME):
                path = stack.library / BESIDE / name
                master = indexed / "d300.fits" if name == DARK_NAME else stack.library / FLATS / FLAT_NAME
                assert path.read_bytes() == master.read_bytes()
                found[name] = path.is_symlink(), path.samefile(master)
            assert [name for name in stack.below(BESIDE) if "/" not in name] == [DARK_NAME, FLAT_NAME]
            return found

        assert await placed("symlink") == {DARK_NAME: (True, True), FLAT_NAME: (True, True)}
        links = await stack.rows("SELECT links_to FROM ingest.derived_location ORDER BY path")
        assert links == [(str(indexed / "d300.fits"),), (f"../../../../{FLATS}/{FLAT_NAME}",)]
        (stack.library / BESIDE / FLAT_NAME).unlink()
        assert await placed("symlink") == {DARK_NAME: (True, True), FLAT_NAME: (True, True)}
        assert await placed("hardlink") == {DARK_NAME: (False, False), FLAT_NAME: (False, True)}
        assert not (stack.library / FLATS / FLAT_NAME).stat().st_mode & 0o222
        assert ((indexed / "d300.fits").read_bytes(), (indexed / "d300.fits").stat().st_mode) == before
        assert await stack.value("SELECT count(*) FROM filing") == 1, "an indexed master is not filed"


async def test_raw_frames_go_once_their_master_stands_for_them(
    settings: Settings, nats_client: Client, tmp_path: Path
) -> None:
    """A look removes nothing; frames without a master, or with one that is damaged now, stay; the others go, and last.

    What went stays known as missing with the reason, and a watched source does not bring it back.
    """
    configured = chosen(settings, tmp_path)
    raw = tmp_path / "rig/DARKS"
    for seed in range(3):
        frame(raw / f"d{seed}.fits", "DARK", seed, **DARK)
        frame(raw / f"b{seed}.fits", "BIAS", 100 + seed, EXPTIME=0.0)
    async with files_stack(configured, nats_client, tmp_path) as stack:
        await stack.until("SELECT raw_frames FROM counts", 6)
        frame(tmp_path / "wbpp" / MASTERS / "d.fits", "MASTER DARK", 1000, **DARK)
        await stack.until("SELECT count(*) FROM filing WHERE state = 'filed'", 1)
        no_bias = ("BIAS", 3, "stays", "no master bias of these properties is known")
        open_ones = "3 frames of 3 are in no verified archive: archive them first, or say --no-archive-needed"
        await stack.until("SELECT count(*) FROM master_test", 1)
        assert await clean(stack, nats_client) == [no_bias, ("DARK", 3, "stays", open_ones)]
        stands = "its master d.fits is in the library, and its stored bytes are whole"
        assert await clean(stack, nats_client, archive_needed=False) == [no_bias, ("DARK", 3, "may_go", stands)]
        assert len(stack.below("rig/DARKS")) == 6, "a look removes nothing"

        master = stack.library / DARKS / DARK_NAME
        good = master.read_bytes()
        master.write_bytes(good[:-1] + b"x")
        damaged = "its master d.fits is changed in the library: `nightbus locations walk` looks at it"
        assert await clean(stack, nats_client, archive_needed=False, dry_run=False, types=("dark",)) == [
            ("DARK", 3, "stays", damaged)
        ]
        assert len(stack.below("rig/DARKS")) == 6
        master.write_bytes(good)
        assert await clean(stack, nats_client, archive_needed=False, dry_run=False) == [
            no_bias, ("DARK", 3, "removed", stands),
        ]  # fmt: skip
        assert stack.below("rig/DARKS") == ["b0.fits", "b1.fits", "b2.fits"]
        gone = await stack.rows("SELECT DISTINCT removed_reason FROM ingest.missing_file")
        assert gone == [(f"clean-up: its master {DARKS}/{DARK_NAME} is in the library, verified",)]
        assert await stack.value("SELECT removed FROM cleaning ORDER BY created_at DESC LIMIT 1") == 3
        query = "SELECT command->'in_place_of'->'location'->>'path' AS path FROM keeper_job WHERE task = 'remove'"
        assert await stack.service.rows(query) == [{"path": f"{DARKS}/{DARK_NAME}"}], "ingest looks at it once more"
        assert await clean(stack, nats_client, archive_needed=False, dry_run=False) == [no_bias]
        async with stack.pool.acquire() as connection:
            untested = connection.transaction()
            await untested.start()
            await connection.execute("DELETE FROM master_test")
            (one,) = await cleanings.stored_masters(connection, FrameType.MASTER_DARK)
            await untested.rollback()
        assert one.master.refused == "its pixels were not tested yet", "such a master stands for nothing"
