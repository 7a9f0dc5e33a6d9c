"""The version before this one, out of the history, and this one, both at work on one NATS and one Postgres."""

import asyncio
import contextlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from nats.js import JetStreamContext

from services.descriptions import CONSUMERS, SERVICES
from services.standalone.binaries import own_pg_dump
from services.standalone.simulation import tiny_frames
from shared.bus.broker import connect
from shared.settings import PostgresSettings
from tests.faults.checker import stream_messages
from tests.faults.world import HURRY, until
from tests.stack import STREAM_BYTES, NatsServer, PostgresServer, admin_execute, empty_nats
from tests.system.containers import IMAGE, ROOT, Docker

BEFORE = "096016b42ac858994df897861058f72ee4157147"
"""The last commit of the version before this one."""
MODES = ("index", "copy")
COMMAND_S = 240.0
STOP_S = 60.0
WAIT_S = 400.0
_PARSES = """
import json, sys
from shared.events.registry import BY_SUBJECT
for line in sys.stdin:
    subject, text = json.loads(line)
    BY_SUBJECT[subject].model_validate_json(text)
"""
"""A program that ends with code 0 where the version that runs it can read all events that it is given."""

_UNSENT = " + ".join(f"(SELECT count(*) FROM {one.name}.outbox)" for one in SERVICES if one.has_outbox)
_UNDONE = f"""
SELECT {_UNSENT} + (SELECT count(*) FROM stats.target WHERE revision > published_revision)
       + (SELECT open_sessions FROM stats.counts)
       + (SELECT count(*) FROM backup.archive WHERE phase IN ('asked', 'planned', 'stored'))
"""


class NotHere(Exception):
    """The version before this one cannot be run here; one sentence."""


def unpacked(commit: str, folder: Path) -> Path:
    """The code of a commit, in a folder; it runs on the packages of this environment, which must be those that it pins.

    Raises:
        NotHere: this is no clone with that commit, or the commit pins other packages.
    """
    packed = subprocess.run(["git", "-C", str(ROOT), "archive", commit], capture_output=True, check=False)
    if packed.returncode:
        raise NotHere(f"commit {commit[:7]} is not in this clone: {packed.stderr.decode(errors='replace').strip()}")
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed.stdout, check=True)
    if others := _pins(folder) - _pins(ROOT):
        raise NotHere(f"commit {commit[:7]} pins packages that this environment does not have: {sorted(others)}")
    return folder


def _pins(checkout: Path) -> set[str]:
    """The packages that a version pins, as ``name==version``."""
    lines = (checkout / "requirements.lock").read_text().splitlines()
    return {line.split()[0] for line in lines if "==" in line and not line.startswith((" ", "#"))}


@dataclass(frozen=True)
class Version:
    """One version of Nightbus, by its code; ``environment`` says where the servers are."""

    code: Path
    environment: dict[str, str]
    folder: Path
    """Where its processes run and log; no code and no settings lie there."""

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        return self._python("-m", "services.cli.main", *words)

    def require_itself(self) -> None:
        """Fail where this interpreter would run the code of another version."""
        found = self._python("-c", "import services, shared; print(services.__file__, shared.__file__)").stdout.split()
        assert found == [str(self.code / name / "__init__.py") for name in ("services", "shared")]

    def require_readable(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Fail where an event (subject, payload) is one that this version cannot parse."""
        lines = "".join(f"{json.dumps([subject, payload.decode()])}\n" for subject, payload in messages)
        done = self._python("-c", _PARSES, given=lines)
        assert done.returncode == 0, done.stderr[-2000:]

    @contextlib.contextmanager
    def running(self, *services: str) -> Iterator[None]:
        """Services in one process, for as long as the block lasts; it ends in order."""
        log = self.folder / "services.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "services.cli.main", "run", *services],
                env=self.environment, cwd=self.folder, stdout=output, stderr=output,
            )  # fmt: skip
        try:
            yield
            assert process.poll() is None, f"{services} ended by themselves:\n{self.tail()}"
        finally:
            process.terminate()
            code = process.wait(STOP_S)
        assert code == 0, f"{services} ended with code {code}:\n{self.tail()}"

    def tail(self, lines: int = 30) -> str:
        """The end of the log of its services."""
        log = self.folder / "services.log"
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""

    def _python(self, *words: str, given: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, *words], env=self.environment, cwd=self.folder, input=given,
            capture_output=True, text=True, timeout=COMMAND_S, check=False,
        )  # fmt: skip


class Captures:
    """Two watched folders, one indexed and one copied from, and the frames that land in them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0
        for mode in MODES:
            (folder / mode).mkdir(parents=True)

    def land(self, pairs: int) -> None:
        """Write the next frames, as many into each folder."""
        for number, mode in enumerate(MODES):
            tiny_frames(self.folder / mode, pairs, 1 + number, start_index=self.count // len(MODES))
        self.count += pairs * len(MODES)

    async def keep_landing(self) -> None:
        """Let a pair land every second, until cancelled."""
        while True:
            self.land(1)
            await asyncio.sleep(1)

    def sources(self) -> list[dict[str, object]]:
        """The settings of the sources."""
        return [
            {"name": f"{mode}-rig", "path": str(self.folder / mode), "mode": mode, "walk_interval_s": 1}
            for mode in MODES
        ]


class Place:
    """One NATS, one database, one library, one destination, and two versions on them; use ``both_versions``."""

    def __init__(self, folder: Path, postgres: PostgresServer, nats: NatsServer, docker: Docker | None) -> None:
        self._docker, self._folder = docker, folder
        self.captures = Captures(folder / "captures")
        self.library, self.disk = folder / "library", folder / "disk"
        for made in (self.library, self.disk):
            made.mkdir()
        self.postgres, self._nats = postgres, nats
        self.database: PostgresSettings = postgres.settings(f"test_{secrets.token_hex(6)}")
        (folder / "before").mkdir()
        self.before = self._version("before", unpacked(BEFORE, folder / "before"))
        self.now = self._version("now", ROOT)

    def _version(self, name: str, code: Path) -> Version:
        work = self._folder / f"work-{name}"
        work.mkdir()
        settings = {
            **HURRY,
            # Nothing is announced a second time in a test, and stars are measured.
            "NIGHTBUS_INGEST__RECONCILE_AGE_S": "3600",
            "NIGHTBUS_SCANNER__MEASURE_STARS": "true",
            "NIGHTBUS_SCANNER__WORKERS": "1",
            "NIGHTBUS_NATS__URL": self._nats.settings.url,
            "NIGHTBUS_NATS__SECRETS_DIR": str(self._nats.secrets),
            "NIGHTBUS_NATS__MAX_BYTES": str(STREAM_BYTES),
            "NIGHTBUS_POSTGRES__HOST": self.database.host,
            "NIGHTBUS_POSTGRES__PORT": str(self.database.port),
            "NIGHTBUS_POSTGRES__DATABASE": self.database.database,
            "NIGHTBUS_POSTGRES__ADMIN_ROLE": self.database.admin_role,
            "NIGHTBUS_POSTGRES__SECRETS_DIR": str(self.database.secrets_dir),
            "NIGHTBUS_LIBRARY__PATH": str(self.library),
            "NIGHTBUS_SOURCES": json.dumps(self.captures.sources()),
            "NIGHTBUS_DESTINATIONS": json.dumps([{"name": "disk", "kind": "folder", "path": str(self.disk)}]),
            "NIGHTBUS_BACKUP__PG_DUMP": str(own_pg_dump()),
            "NIGHTBUS_API__DEAD_LETTER_DIR": str(work / "dead-letters"),
            "PYTHONPATH": str(code),
        }
        if self._docker is None:
            return Version(code, {**os.environ, **settings}, work)
        return self._image(self._docker, name, code, settings, work)

    def _image(self, docker: Docker, name: str, code: Path, settings: dict[str, str], work: Path) -> Version:
        from tests.system import version_images

        image = IMAGE if code == ROOT else f"nightbus:{name}-{BEFORE[:7]}"
        version_images.build(docker, code, image)
        assert self._nats.secrets is not None
        assert self.database.secrets_dir is not None
        secrets_of = {"NATS": self._nats.secrets, "POSTGRES": self.database.secrets_dir}
        settings |= version_images.for_images(self._folder, secrets_of)
        settings |= {"NIGHTBUS_HEALTH__PORT": "0"}  # on the network of this machine each container would have it
        del settings["NIGHTBUS_BACKUP__PG_DUMP"]
        for written in (self.library, self.disk, work):
            version_images.give(written)
        return version_images.ImageVersion(code, settings, work, docker=docker, image=image, shared=self._folder)

    async def command(self, version: Version, *words: str) -> str:
        """Run a command of a version, which must end well; what it printed."""
        done = await asyncio.to_thread(version.run, *words)
        assert done.returncode == 0, f"{words}: {done.stdout[-1000:]}{done.stderr[-2000:]}"
        return done.stdout

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection as the admin role."""
        database = self.database
        connection = await asyncpg.connect(
            host=database.host, port=database.port, database=database.database, user=database.admin_role,
            password=database.password_of(database.admin_role),
        )  # fmt: skip
        try:
            yield connection
        finally:
            await connection.close()

    @contextlib.asynccontextmanager
    async def jetstream(self) -> AsyncIterator[JetStreamContext]:
        """A JetStream context of a user who may do all."""
        client = await connect(self._nats.settings, "test")
        try:
            yield client.jetstream(timeout=10)
        finally:
            await client.close()

    async def value(self, question: str) -> Any:
        """The one value that a query of the admin role answers."""
        async with self.connected() as connection:
            return await connection.fetchval(question)

    async def events(self) -> list[tuple[str, bytes]]:
        """Subject and payload of each event in the stream."""
        async with self.jetstream() as js:
            return [(subject, data) for subject, _, data, _ in await stream_messages(js)]

    async def scanned(self) -> int:
        """How many files stats has counted."""
        return int(await self.value("SELECT scanned FROM stats.counts"))

    async def until_scanned(self, files: int) -> None:
        """Wait until stats has counted so many files, at least."""

        async def enough() -> bool:
            return await self.scanned() >= files

        await self._until(enough, f"{files} files to be counted")

    async def until_done(self) -> None:
        """Wait until all captures are counted, told and archived, and neither outbox nor consumer has anything left."""
        await self.until_scanned(self.captures.count)
        looks = 0

        async def is_quiet() -> bool:
            nonlocal looks
            async with self.jetstream() as js:
                found = [await js.consumer_info(row.stream, row.durable) for row in CONSUMERS]
            waiting = any((info.num_pending or 0) + (info.num_ack_pending or 0) for info in found)
            # What left an outbox after the first question is with a consumer at the second look.
            looks = 0 if waiting or await self.value(_UNDONE) else looks + 1
            return looks == 2

        await self._until(is_quiet, "everything to be told")

    async def until_destination_is_known(self) -> None:
        """Wait until the destination has been used, so that a migration dumps to it."""

        async def known() -> bool:
            return bool(await self.value("SELECT count(*) FROM backup.destination WHERE opened_at IS NOT NULL"))

        await self._until(known, "the destination to be opened")

    async def _until(self, condition: Any, what: str) -> None:
        try:
            await until(condition, WAIT_S)
        except TimeoutError:
            logs = "\n".join(version.tail() for version in (self.before, self.now))
            raise AssertionError(f"waited in vain for {what}; counted {await self.scanned()}\n{logs}") from None

    async def empty_servers(self) -> None:
        """An empty database and a NATS without streams, in place of what is there."""
        name = self.database.database
        await admin_execute(self.postgres, [f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name}"])
        await empty_nats(self._nats)


@contextlib.asynccontextmanager
async def both_versions(
    folder: Path, postgres: PostgresServer, nats: NatsServer, docker: Docker | None
) -> AsyncIterator[Place]:
    """Two versions on an empty database and an empty NATS: as images where there is Docker, else as processes.

    Raises:
        NotHere: the version before this one cannot be run here.
    """
    place = Place(folder, postgres, nats, docker)
    for version in (place.before, place.now):
        version.require_itself()
    await place.empty_servers()
    try:
        yield place
    finally:
        await admin_execute(postgres, [f"DROP DATABASE {place.database.database} WITH (FORCE)"])
