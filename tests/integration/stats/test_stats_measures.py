"""What stats measures is what its views say."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from prometheus_client import REGISTRY

from services.stats import measures
from services.stats.measures import measure
from shared.events.file import FileScanned
from tests.integration.stats.world import DUSK, RIG, apply, light, scanned


def found(name: str, **labels: str) -> float | None:
    """The value of a series."""
    return REGISTRY.get_sample_value(name, labels)


async def bring(pool: asyncpg.Pool, *events: FileScanned) -> None:
    """Count frames, and their files."""
    async with pool.acquire() as connection:
        await apply(connection, events)


def series(name: str) -> list[dict[str, str]]:
    """The labels of all series of a metric."""
    return [sample.labels for metric in REGISTRY.collect() for sample in metric.samples if sample.name == name]


async def test_frames_by_type_and_the_newest_of_each_rig(pool: asyncpg.Pool) -> None:
    """As many of each type as were scanned; the newest frame of a rig is one series, and the one before is gone."""
    await bring(pool, light("a", fwhm_arcsec=2.5, star_count=400), scanned("d", frame_type="DARK", filter=None))
    await measure(pool)
    assert {row["frame_type"] for row in series("nightbus_frames")} == {"LIGHT", "DARK"}
    assert found("nightbus_frames", frame_type="LIGHT") == 1
    assert found("nightbus_newest_frame_timestamp_seconds", rig=RIG) == DUSK.timestamp()
    assert found("nightbus_newest_frame_fwhm_arcseconds", rig=RIG) == 2.5
    assert found("nightbus_newest_frame_stars", rig=RIG) == 400
    assert series("nightbus_newest_frame_info") == [{"rig": RIG, "target": "M31", "filter": "L"}]
    await bring(pool, light("b", start_s=60.0, target="M33", filter="Ha"))
    await measure(pool)
    assert series("nightbus_newest_frame_info") == [{"rig": RIG, "target": "M33", "filter": "Ha"}]
    assert found("nightbus_newest_frame_stars", rig=RIG) is None  # of the newest one no stars were measured
    assert found("nightbus_frames", frame_type="LIGHT") == 2


async def test_rigs_without_number_are_a_bounded_number_of_series(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of rigs that headers invent those at work last are measured, and no more than the limit."""
    monkeypatch.setattr(measures, "MOST_RIGS", 3)
    many: list[Any] = [light(f"f{n}", rig=f"rig {n}", observed_at=DUSK + timedelta(minutes=n)) for n in range(8)]
    await bring(pool, *many)
    await measure(pool)
    assert {row["rig"] for row in series("nightbus_newest_frame_timestamp_seconds")} == {"rig 5", "rig 6", "rig 7"}
