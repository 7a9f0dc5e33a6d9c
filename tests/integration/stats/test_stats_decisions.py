"""What people decided reaches the bucket, whatever is killed, lost or put back in between."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client

from services.descriptions import SERVICES
from services.stats import mirror as module
from services.stats.mirror import Mirror
from services.stats.store.decided import decide, last_number, withdraw
from shared.bus.bucket import Bucket
from shared.bus.names import DECISIONS, stream_of_bucket, subject_of_key
from shared.bus.provision import provision
from shared.bus.puts import PutRelay
from shared.db.pool import pool_of, transaction
from shared.decisions.lookup import Decided
from shared.decisions.mirror import read_decisions
from shared.decisions.model import WHOLE, Decision, Entry, RigNamed, TargetNamed, TargetsMerged, Whole
from shared.errors import UserError
from shared.settings import Settings
from tests.integration.stats.world import ARRIVED

GNOME = TargetNamed(name="Gnome", catalog_id="M31")
DWARF = TargetNamed(name="Dwarf", catalog_id="M33")
MERGE = TargetsMerged(catalog_id="NGC7000", into="Sh2-117")
ATTIC = RigNamed(name="Eye@f4+Cam", rig="Attic")


@pytest.fixture
async def pool(settings: Settings) -> Any:
    """The service's pool."""
    async with pool_of(settings.postgres, "stats") as opened:
        yield opened


@pytest.fixture
def bucket(settings: Settings, nats_client: Client) -> Bucket:
    """The bucket, as others read it."""
    return Bucket(nats_client.jetstream(), DECISIONS)


async def record(pool: Any, *decisions: Decision) -> int:
    """Decide in one transaction; the number of the last one."""
    async with transaction(pool) as connection:
        return await decide(connection, decisions, person="ada", decided_at=ARRIVED)


async def mirrored(pool: Any, bucket: Bucket, mirror: Mirror | None = None) -> Decided | None:
    """What lies in the bucket once stats has done what it does all the time."""
    relay = PutRelay(pool, bucket._js)
    mirror = mirror or Mirror(pool, bucket)
    await relay.relay_once()
    await mirror.turn()
    await relay.relay_once()
    return await read_decisions(bucket)


async def test_a_first_start_says_that_nothing_was_decided(pool: Any, bucket: Bucket) -> None:
    """Without a decision the bucket says so: until then nobody can know it."""
    assert await read_decisions(bucket) is None
    assert await mirrored(pool, bucket) == Decided(0, ())
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 0


async def test_decisions_are_numbered_and_mirrored(pool: Any, bucket: Bucket) -> None:
    """What is decided together comes together; a later decision replaces the one about its name; a repeat is none."""
    mirror = Mirror(pool, bucket)
    assert await record(pool, GNOME, MERGE) == 2
    assert await mirrored(pool, bucket, mirror) == Decided(2, (MERGE, GNOME))
    assert await record(pool, GNOME) == 2, "that is so already"
    again = TargetNamed(name="GNOME", catalog_id="M42")
    assert await record(pool, again, ATTIC) == 4
    assert await mirrored(pool, bucket, mirror) == Decided(4, (MERGE, ATTIC, again))
    async with transaction(pool) as connection:
        assert await withdraw(connection, [again.key, DWARF.key], person=None, decided_at=ARRIVED) == 5
        assert await withdraw(connection, [again.key], person=None, decided_at=ARRIVED) == 5
    assert await mirrored(pool, bucket, mirror) == Decided(5, (MERGE, ATTIC))
    assert await record(pool, GNOME) == 6
    assert await mirrored(pool, bucket, mirror) == Decided(6, (MERGE, ATTIC, GNOME))
    rows = await pool.fetch("SELECT kind, revision, person, decided_at FROM decision ORDER BY revision")
    assert [tuple(row) for row in rows] == [
        (kind, number, "ada", ARRIVED) for kind, number in (("merge", 2), ("rig", 4), ("target", 6))
    ]


async def test_a_circle_of_merges_is_refused(pool: Any, bucket: Bucket) -> None:
    """A target that would be merged into itself is a sentence, and nothing is decided."""
    await record(pool, TargetsMerged(catalog_id="M31", into="M33"), TargetsMerged(catalog_id="M33", into="M42"))
    with pytest.raises(UserError, match="would be merged into itself"):
        await record(pool, GNOME, TargetsMerged(catalog_id="M42", into="M31"))
    assert (await mirrored(pool, bucket) or Decided()).revision == 2


async def test_what_is_rolled_back_was_never_decided(pool: Any, bucket: Bucket) -> None:
    """Decision, number and value are one transaction."""
    with pytest.raises(ZeroDivisionError):
        async with transaction(pool) as connection:
            await decide(connection, [GNOME], person=None, decided_at=ARRIVED)
            raise ZeroDivisionError
    assert await mirrored(pool, bucket) == Decided(0, ())
    assert await record(pool, DWARF) == 1


async def test_decisions_of_two_processes_are_numbered_one_after_the_other(settings: Settings, bucket: Bucket) -> None:
    """Of decisions at the same time each gets a number of its own, and the bucket ends with all of them."""
    async with pool_of(settings.postgres, "stats") as pool:
        names = [TargetNamed(name=f"Gnome {number}", catalog_id="M31") for number in range(20)]
        numbers = await asyncio.gather(*(record(pool, name) for name in names))
        assert sorted(numbers) == list(range(1, 21))
        found = await mirrored(pool, bucket)
    assert found is not None
    assert (found.revision, len(found.decisions)) == (20, 20)


KILLED = """
import asyncio, os, signal, sys
from services.settings import load_settings
from services.stats.store.decided import decide
from shared.bus import bucket, puts
from shared.bus.broker import connect
from shared.db.pool import pool_of, transaction
from shared.decisions.model import DECISION
from shared.events.base import utc_now

async def main() -> None:
    settings, step = load_settings(), sys.argv[1]
    async with pool_of(settings.postgres, "stats") as pool:
        async with transaction(pool) as connection:
            decisions = [DECISION.validate_json(text) for text in sys.argv[2:]]
            await decide(connection, decisions, person=None, decided_at=utc_now())
        if step == "commit":
            os.kill(os.getpid(), signal.SIGKILL)
        put, done = bucket.Bucket.put, 0

        async def killing(self, key, value):
            nonlocal done
            result = await put(self, key, value)
            done += 1
            if done == int(step):
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        bucket.Bucket.put = killing
        client = await connect(settings.nats, "stats")
        await puts.PutRelay(pool, client.jetstream()).relay_once()

asyncio.run(main())
"""


def environment(settings: Settings, folder: Path) -> dict[str, str]:
    """The environment of a process of its own on this test's servers."""
    (folder / "nightbus.toml").touch()
    postgres, nats = settings.postgres, settings.nats
    assert nats.password_file is not None
    return {
        **os.environ,
        "NIGHTBUS_CONFIG": str(folder / "nightbus.toml"),
        "NIGHTBUS_NATS__URL": nats.url,
        "NIGHTBUS_NATS__USER": str(nats.user),
        "NIGHTBUS_NATS__PASSWORD_FILE": str(nats.password_file),
        "NIGHTBUS_POSTGRES__HOST": postgres.host,
        "NIGHTBUS_POSTGRES__PORT": str(postgres.port),
        "NIGHTBUS_POSTGRES__DATABASE": postgres.database,
        "NIGHTBUS_POSTGRES__SECRETS_DIR": str(postgres.secrets_dir),
    }


@pytest.mark.usefixtures("embedded_stack")
@pytest.mark.parametrize("step", ["commit", "1", "2", "3"])
async def test_killed_at_every_step_the_decision_reaches_the_bucket(
    settings: Settings, pool: Any, bucket: Bucket, tmp_path: Path, step: str
) -> None:
    """Killed after the commit, after each put, and after the one that says that all is there.

    Until the next process has done the rest, whoever reads the bucket sees all of what was decided together or nothing.
    """
    await mirrored(pool, bucket)
    killed = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", KILLED, step, GNOME.model_dump_json(), MERGE.model_dump_json()],
        env=environment(settings, tmp_path), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    between = await read_decisions(bucket)
    assert between == {"commit": Decided(0, ()), "3": Decided(2, (MERGE, GNOME))}.get(step)
    assert await mirrored(pool, bucket) == Decided(2, (MERGE, GNOME))
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 0


async def test_a_lost_bucket_is_filled_again(
    settings: Settings, pool: Any, bucket: Bucket, nats_client: Client
) -> None:
    """Deleted and provisioned anew, at the start of stats or underneath: all is put again, under the numbers it had."""
    mirror = Mirror(pool, bucket)
    await record(pool, GNOME, MERGE)
    assert await mirrored(pool, bucket, mirror) == Decided(2, (MERGE, GNOME))
    for one in (mirror, Mirror(pool, bucket)):
        await nats_client.jetstream().delete_stream(stream_of_bucket(DECISIONS))
        await provision(nats_client.jetstream(), settings.nats, SERVICES)
        assert await read_decisions(bucket) is None
        found = await mirrored(pool, bucket, one)
        assert found is not None
        assert found.decisions == (MERGE, GNOME)
        entries = await bucket.entries()
        assert (entries[GNOME.key].revision, entries[MERGE.key].revision) == (1, 2)


async def test_what_was_lost_or_spoilt_in_the_bucket_is_put_right_at_the_start(
    pool: Any, bucket: Bucket, nats_client: Client
) -> None:
    """Missing and damaged keys are put, keys that nobody decided are removed, and readers are told to look again."""
    js = nats_client.jetstream()
    await record(pool, GNOME, MERGE, ATTIC)
    before = await mirrored(pool, bucket)
    assert before is not None
    await bucket.remove(GNOME.key, (await bucket.get(GNOME.key)).sequence)
    await js.publish(subject_of_key(DECISIONS, MERGE.key), b"damaged")
    stranger = Entry(revision=3, decision=DWARF).model_dump_json().encode()
    await js.publish(subject_of_key(DECISIONS, DWARF.key), stranger)
    found = await mirrored(pool, bucket)
    assert found is not None
    assert found.decisions == before.decisions
    assert found.revision > before.revision
    assert set(await bucket.entries()) == {GNOME.key, MERGE.key, ATTIC.key, WHOLE}
    quiet = Mirror(pool, bucket)
    assert await mirrored(pool, bucket, quiet) == found
    assert await mirrored(pool, bucket, quiet) == found


async def test_an_older_database_wins_under_numbers_of_its_own(pool: Any, bucket: Bucket, nats_client: Client) -> None:
    """After a database was put back from a copy, the bucket says what it says, and no number is given twice."""
    await record(pool, GNOME)
    kept = await pool.fetch("SELECT * FROM decision")
    await record(pool, TargetNamed(name="Gnome", catalog_id="M42"), DWARF)
    assert (await mirrored(pool, bucket) or Decided()).revision == 3
    await pool.execute("DELETE FROM decision")
    await pool.execute("UPDATE decisions SET revision = 1")
    await pool.execute(
        "INSERT INTO decision SELECT * FROM jsonb_populate_record(NULL::decision, $1)",
        json.dumps({**dict(kept[0]), "content": json.loads(kept[0]["content"]), "decided_at": str(ARRIVED)}),
    )
    found = await mirrored(pool, bucket)
    assert found == Decided(4, (GNOME,))
    assert await record(pool, DWARF) == 5
    found = await mirrored(pool, bucket)
    assert found is not None
    assert (found.revision, set(found.decisions)) == (5, {DWARF, GNOME})


async def test_without_the_row_of_numbers_no_number_is_given_twice(pool: Any) -> None:
    """The number goes on from the decisions that are there."""
    await record(pool, GNOME, DWARF)
    await pool.execute("DELETE FROM decisions")
    assert await record(pool, MERGE) == 3
    async with transaction(pool) as connection:
        assert await last_number(connection) == 3


async def test_what_is_on_its_way_is_not_mended(pool: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """While values wait in the outbox the comparison waits for them, and changes nothing."""
    mirror = Mirror(pool, bucket)
    await record(pool, GNOME)
    assert await mirror.turn() == module.SOON
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 2
    assert await bucket.entries() == {}
    assert await mirrored(pool, bucket, mirror) == Decided(1, (GNOME,))


async def test_half_of_what_was_decided_is_not_read(pool: Any, bucket: Bucket) -> None:
    """With a newer value than the bucket says to hold, readers wait."""
    assert await mirrored(pool, bucket) == Decided(0, ())
    await bucket.put(GNOME.key, Entry(revision=1, decision=GNOME).model_dump_json().encode())
    assert await read_decisions(bucket) is None
    await bucket.put(WHOLE, Whole(revision=1).model_dump_json().encode())
    assert await read_decisions(bucket) == Decided(1, (GNOME,))
