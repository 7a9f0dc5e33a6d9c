"""What a person should look at, as metrics tell it."""

from uuid import uuid4

import pytest
from prometheus_client import REGISTRY

from services.calibration.measures import measure
from services.calibration.store import masters
from shared.db.pool import transaction
from tests.integration.calibration.world import World, dark, flat, sub


def told(name: str, **labels: str) -> float:
    """A metric of calibration."""
    value = REGISTRY.get_sample_value(f"nightbus_calibration_{name}", labels)
    assert value is not None
    return value


async def finished(world: World, ago: str) -> None:
    """Have all sessions be finished for so long."""
    await world.stats.execute(
        "UPDATE stats.session SET open = false, revision = 1, finished_at = clock_timestamp() - $1::text::interval", ago
    )


@pytest.fixture
def lights() -> list[str]:
    """Names of three lights of one session."""
    return ["one", "two", "three"]


@pytest.mark.parametrize(("ago", "lacking"), [("1 hour", 0), ("2 days", 3), ("9 days", 0)], ids=["new", "due", "old"])
async def test_lights_are_overdue_from_a_day_to_eight_after_their_session(
    one: World, lights: list[str], ago: str, lacking: int
) -> None:
    """Lights that lack a master are told once their session is finished for a day, and for a week from then on."""
    await one.bring(*(sub(name, start_s=60.0 * number) for number, name in enumerate(lights)))
    await finished(one, ago)
    await measure(one.pool)
    assert told("overdue_lights") == lacking
    assert told("lights", calibration="missing") == 3
    await one.bring(dark("dark"), flat("flat"))
    await measure(one.pool)
    assert told("overdue_lights") == 0
    assert told("lights", calibration="matched") == 3


async def test_a_refused_master_counts_where_it_is_the_one_that_fits(one: World, lights: list[str]) -> None:
    """A requirement is told that only a refused master would meet; with another master it is met, and told no more."""
    await one.bring(*(sub(name, start_s=60.0 * number) for number, name in enumerate(lights)), dark("dark"))
    await measure(one.pool)
    assert told("refused_requirements") == 0, "the flat is missing, and none is refused"
    async with transaction(one.pool) as connection:
        await masters.refuse(connection, dark("dark").file_id, "person", "a light leak")
    await one.matcher.turn()
    await measure(one.pool)
    assert told("refused_requirements") == 1
    assert told("refused_masters") == 1
    await one.bring(dark("another"))
    await measure(one.pool)
    assert told("refused_requirements") == 0


async def test_a_build_that_failed_counts_until_one_succeeds(one: World) -> None:
    """Of each set the last build alone counts."""
    for state, expected in (("done", 0), ("failed", 1), ("dead", 1), ("waiting", 0)):
        await one.pool.execute(
            "INSERT INTO build (build_id, set_no, asked_by, master_type, state)"
            " VALUES ($1, 7, 'person', 'MASTER_DARK', $2)",
            uuid4(), state,
        )  # fmt: skip
        await measure(one.pool)
        assert told("failed_builds") == expected
