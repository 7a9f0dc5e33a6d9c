"""latest on a real database: one frame of each rig, the newest."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from typer.testing import Result

pytestmark = pytest.mark.usefixtures("rows")

Quick = Callable[..., Result]


def latest(quick: Quick) -> list[dict[str, Any]]:
    """The rows that --json prints."""
    result = quick("latest", "--json")
    assert result.exit_code == 0, result.stderr
    rows: list[dict[str, Any]] = json.loads(result.stdout)
    return rows


def test_the_newest_light_of_each_rig(quick: Quick) -> None:
    """Latest first, with age, target, filter, exposure, FWHM and stars; a later dark is no newest frame."""
    first, second = latest(quick)
    assert (first["rig"], first["catalog_id"], first["name"]) == ("rig@f5+cam", "M31", "Andromeda Galaxy")
    assert (first["filter"], first["exposure_s"], first["fwhm_arcsec"], first["star_count"]) == ("Ha", 600.0, 3.5, 500)
    assert first["observed_at"] == "2026-02-28T22:00:00Z"
    begun = datetime(2026, 2, 28, 22, tzinfo=UTC)
    assert first["age_s"] == pytest.approx((datetime.now(UTC) - begun).total_seconds(), abs=60)
    assert (second["rig"], second["catalog_id"], second["filter"]) == ("Seestar S50", "M42", "L")
    table = quick("latest").stdout
    assert "M31 Andromeda Galaxy" in table
    assert '3.50"' in table
    assert len(table.splitlines()) == 3


async def test_a_frame_of_the_future_is_passed_over(quick: Quick, stats: asyncpg.Connection) -> None:
    """A clock that was a year ahead for one frame does not hide all that the rig takes in that year."""
    ahead = datetime.now(UTC) + timedelta(days=300)
    await stats.execute("UPDATE frame SET observed_at = $1 WHERE fwhm_arcsec = 3.5", ahead)
    assert (await asyncio.to_thread(latest, quick))[0]["fwhm_arcsec"] == 2.5
    await stats.execute("UPDATE frame SET observed_at = $1 WHERE fwhm_arcsec = 3.5", ahead - timedelta(days=299.5))
    assert (await asyncio.to_thread(latest, quick))[0]["fwhm_arcsec"] == 3.5


async def test_nothing_is_said_in_words(quick: Quick, stats: asyncpg.Connection) -> None:
    """Without a light frame there is no row, in JSON an empty list."""
    await stats.execute("UPDATE frame SET frame_type = 'DARK'")
    assert await asyncio.to_thread(latest, quick) == []
    assert (await asyncio.to_thread(quick, "latest")).stdout == "no frames\n"


async def test_it_is_found_by_an_index(stats: asyncpg.Connection) -> None:
    """A step for each rig, however many frames there are: no table of frames is read through."""
    await stats.execute(
        """
        INSERT INTO frame (file_id, scan_revision, format, frame_type, session_id, size_bytes, session_night,
            own_session_id, night_ends_at, arrived_at, source, stem, stem_key, rig, observed_at)
        SELECT md5(n::text) || md5('x' || n), 1, 'fits', 'LIGHT', 's', 1, '2026-01-01', 's', now(), now(), 's', '', n,
            'rig ' || n % 3, timestamptz '2026-01-01' + n * interval '1 second'
        FROM generate_series(1, 20000) n
        """
    )
    await stats.execute("ANALYZE frame")
    lines = [row[0] for row in await stats.fetch("EXPLAIN SELECT * FROM newest_frames")]
    assert not [line for line in lines if "Seq Scan on frame" in line], "\n".join(lines)
    assert len(await stats.fetch("SELECT * FROM newest_frames")) == 5
