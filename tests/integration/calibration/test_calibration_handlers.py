"""What events leave in the tables of calibration: the same, whatever their order and however often they come."""

import random
from datetime import timedelta
from typing import Any

import pytest

from shared.events.base import Event
from shared.settings import PostgresSettings
from tests.integration.calibration.world import ARRIVED, World, dark, flat, night_after, removed, sub
from tests.integration.stats.world import file_id, scanned


def story() -> list[Event]:
    """Files that are read anew, change their type, lose their rig, and are forgotten before they are read."""
    later = ARRIVED + timedelta(hours=1)
    return [
        *(sub(f"l{n}", start_s=60.0 * n) for n in range(6)),
        *(sub(f"h{n}", start_s=600.0 + 60.0 * n, filter="Ha") for n in range(3)),
        *(sub(f"n{n}", **night_after(3)) for n in range(2)),
        sub("l0", start_s=0.0, revision=2, gain=200.0),
        sub("l1", start_s=60.0, at=later, decisions_revision=1, filter="OIII"),
        dark("l2", revision=2),
        dark("d1"), dark("d2", set_temp_c=-5.0), dark("d3", at=later), flat("f1"), flat("f2", **night_after(3)),
        sub("d2", revision=3, start_s=900.0),
        scanned("raw", frame_type="DARK", exposure_s=60.0),
        scanned("picture", frame_type="OTHER"), scanned("l3", frame_type="PROCESSED", revision=2),
        removed("l4"), removed("d1"), removed("never-read"), sub("never-read"), sub("h0", revision=2, start_s=600.0),
        removed("h0"),
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
async def test_the_order_of_events_does_not_matter(one: World, seed: int) -> None:
    """Whatever the order, the batches and the repetitions, tables and answers are those that follow from the files."""
    events = story()
    chance = random.Random(seed)
    shuffled = events + chance.sample(events, 8)
    if seed:
        chance.shuffle(shuffled)
    by_type: dict[type[Event], list[Event]] = {}
    for number, event in enumerate(shuffled):
        by_type.setdefault(type(event), []).append(event)
        if number % 5 == 4:
            for batch in by_type.values():
                await one.count(batch)
                await one.note(batch)
            by_type.clear()
            if seed % 2:
                await one.matcher.turn()
    for batch in by_type.values():
        await one.count(batch)
        await one.note(batch)
    await one.matcher.turn()
    found = await one.snapshot()
    assert found["counts"] == ["(9, 5, 4, 0, 0, 4, 4, 0, 4, 0, 1)"]
    lights = await one.pool.fetch("SELECT file_id FROM light")
    names = {"l0", "l1", "l5", "h0", "h1", "h2", "n0", "n1", "d2"}
    assert {row["file_id"] for row in lights} == {file_id(name) for name in names}
    for table in ("group_need", "need", "light", "light_group", "frame", "other_file", "forgotten_file"):
        await one.pool.execute(f"DELETE FROM {table}")
    for event in events:
        await one.note(event)
    await one.matcher.turn()
    assert await one.snapshot() == found


async def test_what_is_scanned_becomes_a_row(one: World) -> None:
    """A calibration frame has its properties and its name, and was made when it arrived where nothing else is known."""
    await one.note(dark("d", path="masters/dark 60.xisf", stack_count=30, observed_at=None))
    (row,) = await one.pool.fetch("SELECT * FROM frames")
    assert (row["file_id"], row["frame_type"], row["name"]) == (file_id("d"), "MASTER_DARK", "dark 60.xisf")
    assert (row["exposure_s"], row["gain"], row["set_temp_c"], row["width_px"]) == (60.0, 100.0, -10.0, 6248)
    assert (row["stack_count"], row["supplied"]) == (30, "{}")
    assert await one.pool.fetchval("SELECT made_at FROM masters") == ARRIVED


async def test_a_forgotten_file_comes_back_only_when_it_is_announced_anew(one: World) -> None:
    """A reading of before is too late for good; one of a higher scan revision is a file like any other."""
    await one.note(dark("d"), removed("d", revision=2), dark("d", revision=2))
    assert await one.pool.fetchval("SELECT count(*) FROM frame") == 0
    await one.note(dark("d", revision=3))
    assert await one.pool.fetchval("SELECT scan_revision FROM frame") == 3


async def test_groups_count_their_lights(one: World) -> None:
    """Lights that are alike are one group however many; a group without a light is none."""
    await one.bring(*(sub(f"l{n}", start_s=60.0 * n, sensor_temp_c=-10.0 + n / 100) for n in range(20)))
    assert [tuple(row) for row in await one.pool.fetch("SELECT lights FROM light_group")] == [(20,)]
    await one.note([removed(f"l{n}") for n in range(20)])
    assert await one.pool.fetchval("SELECT count(*) FROM light_group") == 0


async def test_a_value_at_the_edge_is_kept(one: World, database: PostgresSettings) -> None:
    """The largest values that an event may carry are written, grouped and answered like others."""
    extreme: dict[str, Any] = {
        "gain": 3.4e38, "offset": -3.4e38, "exposure_s": 1e10, "width_px": 2**31 - 1, "height_px": 0,
        "x_binning": 2**15 - 1,
        "camera": "ß" * 255, "telescope": "t" * 255, "filter": "f" * 255, "readout_mode": "r" * 255, "rig": "x" * 600,
    }  # fmt: skip
    await one.bring(sub("l", **extreme), dark("d", **extreme), flat("f", **extreme))
    assert await one.requirements("state") == [("matched",), ("matched",)]
