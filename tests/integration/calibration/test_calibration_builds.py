"""Raw frames become sets, sets become masters in the library, and masters are tested before they are used."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from nats.aio.client import Client

from services.calibration import app
from services.calibration.properties import properties_of
from services.calibration.settings import CalibrationSettings
from services.settings import AllSettings
from shared.bus.rpc import ask
from shared.errors import UserError
from shared.events.calibration_builds import BuildCancelled, BuildMasters, BuildsAccepted, CancelBuild
from shared.frames.pixels import load_image
from shared.frames.read import read_frame
from shared.library.settings import LibrarySettings
from shared.process import Process
from shared.settings import PostgresSettings, Settings
from tests.integration.calibration.rawworld import RawWorld, flat_truth, raw_world
from tests.raw_frames import exposed, scene, write_frame

MIN_FRAMES = 6


@pytest.fixture
async def one(database: PostgresSettings, tmp_path: Path) -> AsyncIterator[RawWorld]:
    """An empty library whose rigs build nothing by themselves."""
    own = CalibrationSettings(min_frames=MIN_FRAMES)
    settings = AllSettings(postgres=database).model_copy(update={"calibration": own})
    async with raw_world(settings, database, tmp_path) as made:
        yield made


async def test_a_set_becomes_a_master(one: RawWorld) -> None:
    """Darks are grouped, the one with a light leak stays out, the master lies in its folder, is told and read back.

    As long as it is there, no second one is made of the same frames.
    """
    ids = await one.raws("DARK", 8, scene(1), EXPTIME=300.0)
    leak = scene(1)
    leak[:20, :30] += 80
    odd = await one.raws("DARK", 1, leak, first=90, EXPTIME=300.0)
    await one.raws("DARK", 2, scene(1), first=50, EXPTIME=60.0)
    await one.work.turn()
    rows = await one.pool.fetch("SELECT exposure_s, frames, kept, left_out, state FROM sets ORDER BY exposure_s")
    assert [tuple(row) for row in rows] == [(60.0, 2, 2, 0, "too_few"), (300.0, 9, 8, 1, "ready")]
    reasons = await one.pool.fetch("SELECT file_id, reason FROM set_frames WHERE state = 'left_out'")
    assert [row["file_id"] for row in reasons] == odd
    assert "uneven: at the top left" in reasons[0]["reason"]
    async with one.running():
        accepted = await one.builds.ask(BuildMasters())
        (build_id,) = accepted.build_ids
        row = await one.ended(build_id)
    assert (row["state"], row["phase"], row["reason"], row["frames"]) == ("done", "built", None, 8)
    (master,) = one.masters()
    assert str(master.relative_to(one.root.path)) == row["path"]
    assert row["path"].startswith("_Dark Library/ZWO ASI2600MM Pro/masterDark_EXPTIME_300.00_SETTEMP_-10.00_GAIN_100")
    facts = read_frame(master)
    assert facts.image is not None
    assert np.std(load_image(master, facts.image) - scene(1)) < 1.2 * 10 / 8**0.5
    (told,) = await one.told()
    assert (told["file_id"], told["input_count"], told["master_type"]) == (row["file_id"], 8, "MASTER_DARK")
    assert sorted(told["input_file_ids"]) == sorted(ids)
    assert one.handed_over() == []
    await one.scan(master, row["file_id"])
    await one.work.turn()
    found = await one.pool.fetchrow("SELECT * FROM masters")
    assert found is not None
    assert (found["file_id"], found["refused"], found["stack_count"]) == (row["file_id"], None, 8)
    state = await one.pool.fetchrow("SELECT state, master_file_id FROM sets WHERE exposure_s = 300")
    assert state is not None
    assert tuple(state) == ("built", row["file_id"])
    number = await one.pool.fetchval("SELECT set_no FROM sets WHERE exposure_s = 300")
    with pytest.raises(UserError, match=f"a master of set {number} is there already"):
        await one.builds.ask(BuildMasters(set_nos=(number,)))
    assert properties_of(facts.metadata).set_temp_c == -10.0


async def test_flats_wait_for_what_is_subtracted(one: RawWorld) -> None:
    """Asked for at once, biases are built first and subtracted from flats; without any, flats say what is missing."""
    await one.raws("FLAT", MIN_FRAMES, flat_truth(), EXPTIME=2.0, FILTER="L", TELESCOP="C8E")
    await one.work.turn()
    async with one.running():
        (flats,) = (await one.builds.ask(BuildMasters(set_nos=(await one.set_no("FLAT"),)))).build_ids
        row = await one.ended(flats)
        assert row["state"] == "failed"
        assert "no master dark-flat or master bias fits these flats" in row["reason"]
        await one.raws("BIAS", MIN_FRAMES, scene(1), EXPTIME=0.001)
        await one.work.turn()
        biases, flats = (await one.builds.ask(BuildMasters())).build_ids
        bias = await one.ended(biases)
        await one.scan(one.root.path / bias["path"], bias["file_id"])
        await one.work.turn()
        await one.pool.execute("UPDATE build SET next_try_at = now() WHERE state = 'waiting'")
        row = await one.ended(flats)
    assert (row["state"], row["phase"]) == ("done", "built")
    path = one.root.path / row["path"]
    header = path.read_bytes()[: 4 * 2880].decode("ascii", "replace")
    assert f"sub {bias['file_id']}" in header
    assert row["path"].startswith("_Flat Stash/ZWO ASI2600MM Pro/C8E/masterFlat_DATE_2026-11-30_FILTER_L")


async def test_rigs_that_want_it_are_built_for(one: RawWorld) -> None:
    """With build_masters a set at rest is built once, and not again while a master serves."""
    one.settings = one.settings.model_copy(
        update={"calibration": CalibrationSettings(min_frames=MIN_FRAMES, build_masters=True)}
    )
    one.__post_init__()
    await one.raws("DARK", MIN_FRAMES, scene(1), EXPTIME=300.0)
    await one.work.turn()
    await one.work.turn()
    builds = await one.pool.fetch("SELECT build_id, asked_by FROM build_progress")
    assert [row["asked_by"] for row in builds] == ["settings"]
    async with one.running():
        row = await one.ended(builds[0]["build_id"])
    await one.scan(one.root.path / row["path"], row["file_id"])
    await one.raws("DARK", 1, scene(1), first=40, EXPTIME=300.0)
    await one.work.turn()
    await one.work.turn()
    assert await one.pool.fetchval("SELECT count(*) FROM build_progress") == 1
    assert await one.pool.fetchval("SELECT state FROM sets") == "ready"


async def test_a_set_that_still_changes_is_left_alone(one: RawWorld) -> None:
    """The settings build nothing of a set to which frames came lately."""
    one.settings = one.settings.model_copy(
        update={"calibration": CalibrationSettings(min_frames=MIN_FRAMES, build_masters=True)}
    )
    one.rest_s = 3600.0
    one.__post_init__()
    await one.raws("DARK", MIN_FRAMES, scene(1), EXPTIME=300.0)
    await one.work.turn()
    assert await one.pool.fetchval("SELECT count(*) FROM build_progress") == 0


async def test_what_cannot_be_built_is_refused(one: RawWorld) -> None:
    """A set with too few frames, or none of that number, is refused with a sentence; nothing is committed."""
    await one.raws("DARK", 3, scene(1), EXPTIME=300.0)
    await one.work.turn()
    number = await one.set_no("DARK")
    with pytest.raises(UserError, match=f"set {number} has 3 frames that are fit for a master, 6 are needed"):
        await one.builds.ask(BuildMasters(set_nos=(number,)))
    with pytest.raises(UserError, match="there is no set 4711"):
        await one.builds.ask(BuildMasters(set_nos=(4711,)))
    assert (await one.builds.ask(BuildMasters())).build_ids == ()
    assert await one.pool.fetchval("SELECT count(*) FROM build_progress") == 0


async def test_a_build_is_cancelled(one: RawWorld) -> None:
    """A build that is cancelled while ingest does not answer ends, and its file is removed."""
    await one.raws("BIAS", MIN_FRAMES, scene(1), EXPTIME=0.001)
    await one.work.turn()
    async with one.running(keeper=False):
        (build_id,) = (await one.builds.ask(BuildMasters())).build_ids
        async with asyncio.timeout(60):
            while not one.asked:
                await asyncio.sleep(0.02)
        assert len(one.handed_over()) == 1
        await one.builds.cancel(CancelBuild(build_id=build_id))
        assert (await one.ended(build_id))["state"] == "cancelled"
    await one.work.turn()
    assert one.handed_over() == []
    assert await one.told() == []
    with pytest.raises(UserError, match="there is no build"):
        await one.builds.cancel(CancelBuild(build_id=uuid4()))


async def test_the_service_builds_when_it_is_asked(settings: Settings, nats_client: Client, tmp_path: Path) -> None:
    """Asked over NATS, the running service measures, judges, builds, hands over to ingest and ends it on request."""
    own = CalibrationSettings(min_frames=MIN_FRAMES, match_interval_s=0.2, file_masters=False)
    wanted = {"calibration": own, "library": LibrarySettings(path=tmp_path / "library")}
    chosen = settings.model_copy(update=wanted)
    async with raw_world(chosen, settings.postgres, tmp_path) as one:
        await one.raws("BIAS", MIN_FRAMES, scene(1), EXPTIME=0.001)
        process = Process()
        service = asyncio.create_task(app.run(chosen, process))
        async with asyncio.timeout(120):
            while await one.pool.fetchval("SELECT state FROM sets") != "ready":
                await asyncio.sleep(0.1)
            (build_id,) = (await ask(nats_client, BuildMasters(), BuildsAccepted)).build_ids
            while (await one.build(build_id))["phase"] != "written":
                await asyncio.sleep(0.1)
            assert len(one.handed_over()) == 1
            await ask(nats_client, CancelBuild(build_id=build_id), BuildCancelled)
            assert (await one.ended(build_id))["state"] == "cancelled"
            while one.handed_over():
                await asyncio.sleep(0.1)
        process.stopping.set()
        assert await asyncio.wait_for(service, 60) == 0


async def test_a_frame_that_goes_takes_its_set_along(one: RawWorld) -> None:
    """A frame that is described otherwise, or that no calibration frame is any more, leaves its set at once."""
    ids = await one.raws("DARK", 2, scene(1), EXPTIME=300.0)
    await one.work.turn()
    await one.pool.execute("""UPDATE frame SET supplied = '{"gain": 7}', gain = 7 WHERE file_id = $1""", ids[0])
    await one.work.turn()
    rows = await one.pool.fetch("SELECT gain, frames FROM sets ORDER BY gain")
    assert [tuple(row) for row in rows] == [(7.0, 1), (100.0, 1)]
    await one.pool.execute("DELETE FROM frame WHERE file_id = $1", ids[0])
    await one.work.turn()
    rows = await one.pool.fetch("SELECT gain, frames FROM sets")
    assert [tuple(row) for row in rows] == [(100.0, 1)]
    assert await one.pool.fetchval("SELECT count(*) FROM levels") == 1


async def test_what_cannot_be_read_now_is_measured_later(one: RawWorld) -> None:
    """A frame that is not there waits, and is measured when it is back; one that is damaged stays out with a reason."""
    await one.raws("DARK", 2, scene(1), EXPTIME=300.0)
    path = one.root.path / "raw" / "DARK" / "DARK_000.fits"
    aside = path.rename(path.with_suffix(".aside"))
    broken = write_frame(one.root.path / "raw" / "broken.fits", exposed(scene(1), 7), IMAGETYP="DARK", EXPTIME=300.0)
    broken.write_bytes(broken.read_bytes()[:-5760])
    await one.arrive(broken)
    await one.work.turn()
    rows = {row["name"]: row["reason"] or "" for row in await one.pool.fetch("SELECT name, reason FROM set_frames")}
    assert "is not at raw/DARK/DARK_000.fits any more" in rows["DARK_000.fits"]
    assert rows["broken.fits"] == "it is truncated: pixels are missing"
    aside.rename(path)
    await one.pool.execute("UPDATE levels SET next_try_at = now() WHERE next_try_at IS NOT NULL")
    await one.work.turn()
    rows = {row["name"]: row["state"] for row in await one.pool.fetch("SELECT name, state FROM set_frames")}
    assert rows == {"DARK_000.fits": "kept", "DARK_001.fits": "kept", "broken.fits": "left_out"}


async def test_a_factory_bias_is_refused_once_there_is_a_light(one: RawWorld) -> None:
    """A DWARF's bias is used until a light shows that it would make 99 % of its pixels negative; then it is refused."""
    folder = one.root.path / "CALI_FRAME"
    cards = {"IMAGETYP": None, "DATE_OBS": None, "INSTRUME": "DWARFIII", "SET_TEMP": None, "READOUTM": None}
    bias = write_frame(folder / "bias.fits", exposed(scene(2, 3200.0), 6), **{**cards, "IMAGETYP": "Master Bias"})
    file_id = await one.arrive(bias)
    await one.work.turn()
    assert await one.pool.fetchval("SELECT refused FROM masters") is None
    light = exposed(scene(1, 1050.0), 5, 40.0)
    light.flat[:: light.size // 60] = 9000  # stars
    of_light = {**cards, "IMAGETYP": "LIGHT", "EXPTIME": 15.0, "DATE_OBS": "2026-11-30T21:00:00"}
    await one.arrive(write_frame(one.root.path / "M 42_15s60_Astro.fits", light, **of_light))
    await one.work.turn()
    refused = await one.pool.fetchval("SELECT refused FROM masters WHERE file_id = $1", file_id)
    words = "subtracting the bias would make 99 % of the pixels of the light M 42_15s60_Astro.fits negative: its median"
    assert refused.startswith(f"{words} is 3,")
    await one.pool.execute("UPDATE master_test SET seen = 'other'")
    await one.pool.execute("UPDATE levels SET median_adu = 10, measured_at = now() WHERE file_id = $1", file_id)
    write_frame(bias, exposed(scene(2, 300.0), 6), **{**cards, "IMAGETYP": "Master Bias"})
    await one.work.turn()
    assert await one.pool.fetchval("SELECT refused FROM masters WHERE file_id = $1", file_id) is None
    await one.pool.execute("DELETE FROM frame WHERE file_id = $1", file_id)
    await one.work.turn()
    assert await one.pool.fetchval("SELECT count(*) FROM master_test") == 0
