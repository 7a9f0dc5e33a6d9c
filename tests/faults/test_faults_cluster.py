"""Three NATS servers that hold three copies of every event: any one may be lost under load, and no event is."""

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from nats.js import JetStreamContext

from services.descriptions import NAMES, SERVICES, described
from services.standalone.nats import USERS
from shared.bus.broker import connect
from shared.bus.names import ACCOUNT, DEAD_LETTERS, DECISIONS, EVENTS, stream_of_bucket
from shared.bus.provision import provision
from shared.bus.publish import Publisher
from shared.bus.pull import Puller
from shared.errors import Unavailable
from shared.events.envelope import MESSAGE_ID
from shared.events.file import FileArrived
from shared.settings import NatsSettings
from shared.tasks import end_tasks, start_task
from tests.bench.publish import arrival
from tests.faults.checker import check_all, fingerprint, stream_messages, totals
from tests.faults.clustered import ClusteredStack
from tests.faults.conftest import Say, undisturbed
from tests.faults.world import Captures, running, spent, until
from tests.nats_cluster import SIZE, NatsCluster
from tests.stack import EVERYTHING

STREAMS = (EVENTS, DEAD_LETTERS, stream_of_bucket(DECISIONS))
IN_FLIGHT = 32
LOAD_S = 4.0
"""How long events are published before and after each loss."""
PACE_S = 0.1
"""How long each of those in flight rests after it was confirmed: some 300 events a second, ten times a busy night."""


async def copies(js: JetStreamContext, stream: str) -> int:
    """How many servers hold a stream as it is now."""
    cluster = (await js.stream_info(stream)).cluster
    assert cluster is not None
    return 1 + sum(bool(peer.current and not peer.offline) for peer in cluster.replicas or [])


async def all_have_copies(js: JetStreamContext) -> bool:
    """Whether every server holds every stream."""
    return [await copies(js, stream) for stream in STREAMS] == [SIZE] * len(STREAMS)


async def test_services_outlive_the_loss_of_each_server(folder: Path, seed: int, say: Say) -> None:
    """The leader of the events is killed three times while files arrive: the others go on, no service ends."""
    captures = Captures(folder / "captures", seed)
    started = time.monotonic()
    async with running(folder / "home", captures.sources(), supervised=False, make=ClusteredStack) as world:
        assert isinstance(world.stack, ClusteredStack)
        cluster = world.stack.cluster
        pids = {name: world.pid_of(name) for name in NAMES}
        for turn in range(SIZE):
            async with world.jetstream() as js:
                await until(lambda js=js: all_have_copies(js), 60)  # type: ignore[misc]
                leader = await cluster.leader_of(js, EVENTS)
            await asyncio.to_thread(captures.land, 100)
            await asyncio.sleep(2.0)
            cluster.kill(leader)
            await asyncio.to_thread(captures.land, 100)
            whole_s = await world.until_done(captures.count, timeout_s=120, drained=False)
            say(f"loss {turn + 1}: nats-{leader}; {captures.count} files whole {whole_s:.0f} s later, without it")
            cluster.begin(leader)
            await cluster.until_ready()
        before = await asyncio.to_thread(fingerprint, captures.folder)
        await world.until_done(captures.count, timeout_s=120)
        assert {name: world.pid_of(name) for name in NAMES} == pids, "a service ended instead of waiting"
        async with world.database() as connection:
            found = await totals(connection)
        figures = await check_all(world, captures.folder, before, None)
    say(figures)
    assert found == await undisturbed(folder / "second-home", captures)
    say(f"totals equal those of an undisturbed run; {spent(started)}")


async def test_without_a_majority_events_wait(folder: Path, seed: int, say: Say) -> None:
    """With one server of three nothing is published: files wait in the outbox, and go on when a second one is back."""
    captures = Captures(folder / "captures", seed)
    started = time.monotonic()
    async with running(folder / "home", captures.sources(), supervised=False, make=ClusteredStack) as world:
        assert isinstance(world.stack, ClusteredStack)
        cluster = world.stack.cluster
        pids = {name: world.pid_of(name) for name in NAMES}
        await asyncio.to_thread(captures.land, 60)
        await world.until_done(captures.count, timeout_s=120, drained=False)
        async with world.jetstream() as js:
            leader = await cluster.leader_of(js, EVENTS)
        other = (leader + 1) % SIZE
        cluster.kill(leader)
        cluster.kill(other)
        await asyncio.to_thread(captures.land, 60)

        async def all_placed() -> bool:
            progress = await world.progress()
            return progress is not None and progress.files == captures.count

        await until(all_placed, 60)
        progress = await world.progress()
        assert progress is not None
        assert progress.handled < captures.count, "something was published without a majority"
        cluster.begin(other)
        before = await asyncio.to_thread(fingerprint, captures.folder)
        whole_s = await world.until_done(captures.count, timeout_s=180)
        assert {name: world.pid_of(name) for name in NAMES} == pids, "a service ended instead of waiting"
        figures = await check_all(world, captures.folder, before, None)
    say(f"whole {whole_s:.0f} s after the second server was back; {figures}; {spent(started)}")


async def test_confirmed_events_are_there_whichever_server_is_lost(folder: Path, say: Say) -> None:
    """Every event that was confirmed under load is stored once and delivered, though each server is killed in turn.

    The streams begin with one copy, as on a single server, and `nightbus provision` makes three of it under load.
    """
    started = time.monotonic()
    async with small_cluster(folder) as (cluster, settings):
        client = await connect(settings, EVERYTHING.name)
        js = client.jetstream(timeout=10, publish_async_max_pending=1000)
        await provision(js, settings, SERVICES)
        load = Load(Publisher(js, "ingest"))
        reader = start_task(read_all(settings, load), name="reader")
        writer = start_task(load.run(), name="writer")
        await asyncio.sleep(LOAD_S)  # as fast as it goes, so that each stream has several blocks on disk
        load.pace_s = PACE_S
        await provision(js, settings.model_copy(update={"replicas": SIZE}), SERVICES)
        await until(lambda: all_have_copies(js), 60)
        say(f"one copy became {SIZE} under load, longest pause {load.longest_pause_s():.1f} s")
        for _ in range(SIZE):
            await asyncio.sleep(LOAD_S)
            leader = await cluster.leader_of(js, EVENTS)
            before = len(load.confirmed)
            cluster.kill(leader)
            load.confirmed_at = [time.monotonic()]
            await until(lambda before=before: load.goes_on(before), 60)  # type: ignore[misc]
            await asyncio.sleep(LOAD_S)
            say(f"nats-{leader} lost: longest pause {load.longest_pause_s():.1f} s, {load.rate():.0f} events/s")
            cluster.begin(leader)
            await cluster.until_ready()
            await until(lambda: all_have_copies(js), 60)
        load.stopping.set()
        await writer
        await until(lambda: _has_read(load), 60)
        await end_tasks([reader])
        stored = Counter(headers[MESSAGE_ID] for _, headers, _, _ in await stream_messages(js))
        await client.close()
    assert set(stored) == load.confirmed, f"{len(load.confirmed - set(stored))} confirmed events are lost"
    assert max(stored.values()) == 1, "stored twice"
    assert load.delivered >= load.confirmed
    say(f"{len(stored)} events confirmed, stored once, delivered; {load.refused} attempts refused; {spent(started)}")


async def test_the_autoscaler_sees_how_many_files_wait(folder: Path) -> None:
    """The page that KEDA reads names stream and consumer, and counts at the leader what is not acknowledged yet."""
    async with small_cluster(folder) as (cluster, settings):
        client = await connect(settings, EVERYTHING.name)
        js = client.jetstream(timeout=10, publish_async_max_pending=1000)
        await provision(js, settings.model_copy(update={"replicas": SIZE}), SERVICES)
        publisher = Publisher(js, "ingest")
        await asyncio.gather(*(publisher.publish(arrival(number)) for number in range(200)))
        (row,) = described("scanner").consumers
        leader = (await js.consumer_info(EVENTS, row.durable)).cluster.leader
        number = int(leader.rpartition("-")[2])
        page = json.loads(await asyncio.to_thread(cluster.page, number, "/jsz?acc=NIGHTBUS&consumers=true&config=true"))
        await client.close()
    assert page["meta_cluster"]["cluster_size"] == SIZE
    (account,) = [one for one in page["account_details"] if one["name"] == ACCOUNT]
    (stream,) = [one for one in account["stream_detail"] if one["name"] == EVENTS]
    (consumer,) = [one for one in stream["consumer_detail"] if one["name"] == row.durable]
    assert consumer["num_pending"] + consumer["num_ack_pending"] == 200
    assert consumer["cluster"]["leader"] == leader


class Load:
    """Publishes events as fast as they are confirmed, each again until it is."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._numbers = itertools.count()
        self.stopping = asyncio.Event()
        self.pace_s = 0.0
        self.confirmed: set[str] = set()
        self.confirmed_at: list[float] = []
        self.delivered: set[str] = set()
        self.refused = 0

    async def run(self) -> None:
        """Publish until it is to stop, and until each event that was begun is confirmed."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(IN_FLIGHT):
                tasks.create_task(self._publish_one_by_one())

    async def _publish_one_by_one(self) -> None:
        while not self.stopping.is_set():
            await self._publish(arrival(next(self._numbers)))
            await asyncio.sleep(self.pace_s)

    async def _publish(self, event: FileArrived) -> None:
        while True:
            try:
                await self._publisher.publish(event)
            except Unavailable:
                self.refused += 1
                await asyncio.sleep(0.1)
            else:
                self.confirmed.add(str(event.event_id))
                self.confirmed_at.append(time.monotonic())
                return

    async def goes_on(self, before: int) -> bool:
        """Whether more is confirmed than was in flight when ``before`` events were."""
        return len(self.confirmed) > before + IN_FLIGHT

    def longest_pause_s(self) -> float:
        """Longest time in which nothing was confirmed, since ``confirmed_at`` was emptied."""
        return max((after - before for before, after in itertools.pairwise(self.confirmed_at)), default=0.0)

    def rate(self) -> float:
        """Confirmed events per second in that time."""
        return len(self.confirmed_at) / max(self.confirmed_at[-1] - self.confirmed_at[0], 0.001)


async def read_all(settings: NatsSettings, load: Load) -> None:
    """Read as the scanner does, and acknowledge, until cancelled."""
    client = await connect(settings, EVERYTHING.name)
    (row,) = described("scanner").consumers
    puller = Puller(client, row)
    await puller.start()
    try:
        while True:
            for message in await puller.next_batch():
                load.delivered.add((message.headers or {})[MESSAGE_ID])
                await message.ack()
    finally:
        await client.close()


async def _has_read(load: Load) -> bool:
    return load.delivered >= load.confirmed


@asynccontextmanager
async def small_cluster(folder: Path) -> AsyncIterator[tuple[NatsCluster, NatsSettings]]:
    """Three servers without a stack, and how to reach them; streams get one copy."""
    secrets = folder / "secrets"
    secrets.mkdir()
    users = (*USERS, EVERYTHING)
    for user in users:
        (secrets / f"nats-{user.name}").write_text(f"secret-of-{user.name}")
    cluster = NatsCluster(folder, users, lambda user: f"secret-of-{user}")
    try:
        await cluster.start()
        yield cluster, NatsSettings(url=cluster.url, secrets_dir=secrets, max_bytes=256 * 1024**2, replicas=1)
    finally:
        await cluster.stop()
