"""How a NATS of Kubernetes takes other passwords: the second container of its pod, run as the manifest has it."""

import asyncio
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from nats.errors import Error as NatsError
from pydantic import SecretStr

from services.descriptions import SERVICES
from services.standalone.binaries import installed_binaries
from services.standalone.home import new_password_in, password_in
from services.standalone.logins import write_users_file
from services.standalone.passwords import USERS, make_passwords
from shared.bus import subscribers
from shared.bus.broker import connect
from shared.bus.names import PROVISION, subscriber_user
from shared.bus.provision import provision
from shared.errors import UserError
from shared.settings import NatsSettings
from shared.settings.servers import nats_password_file
from tests.integration.bus.test_bus_subscribers import let_in
from tests.manifests.model import base
from tests.moto_server import free_port
from tests.nats_cluster import TLS, with_ours
from tests.stack import STREAM_BYTES


@pytest.fixture
def reloading(tmp_path: Path) -> Iterator[NatsSettings]:
    """A NATS with the configuration of the base, on loopback and without TLS, and the container that watches it."""
    make_passwords(tmp_path)
    manifests = base()
    port = free_port()
    places = {
        "port: 4222": f'listen: "127.0.0.1:{port}"',
        "http: 8222": f'http: "127.0.0.1:{free_port()}"',
        '"/var/run/nats/nats.pid"': f'"{tmp_path / "nats.pid"}"',
        '"/data"': f'"{tmp_path / "store"}"',
    }
    (tmp_path / "nats.conf").write_text(with_ours(TLS.sub("", manifests.nats), places))
    script = manifests.workload("nats").containers[1]["args"][0]
    for theirs, ours in (("/etc/nats", str(tmp_path)), ("/var/run/nats", str(tmp_path)), ("sleep 5", "sleep 0.2")):
        assert theirs in script
        script = script.replace(theirs, ours)
    server = subprocess.Popen(
        [str(installed_binaries().nats_server), "-c", str(tmp_path / "nats.conf")],
        env={"POD_NAME": "nats-0"}, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    watching = subprocess.Popen(["sh", "-c", script], start_new_session=True)
    try:
        yield NatsSettings(url=f"nats://127.0.0.1:{port}", secrets_dir=tmp_path)
    finally:
        watching.kill()
        watching.wait()
        server.send_signal(signal.SIGTERM)
        server.wait(30)


async def test_a_changed_secret_is_taken_while_the_server_runs(reloading: NatsSettings) -> None:
    """Once the file of users has another password for stats, that one opens and the old one does not; others stay."""
    folder = reloading.secrets_dir
    assert folder is not None
    old = (folder / "nats-stats").read_text().strip()
    scanner = await connect(reloading, "scanner")
    reconnected = scanner.stats["reconnects"]
    await asyncio.sleep(0.5)  # so that the watcher knows how it was
    new_password_in(folder, "nats-stats")
    write_users_file(folder, USERS)

    async def is_open(password: str) -> bool:
        login = NatsSettings(url=reloading.url, user="stats", password=SecretStr(password))
        try:
            client = await connect(login, "stats", patient=False)
        except (UserError, NatsError):  # a refusal may be heard as a closed connection
            return False
        await client.close()
        return True

    async with asyncio.timeout(20):
        while not await is_open((folder / "nats-stats").read_text().strip()):
            await asyncio.sleep(0.1)
    assert not await is_open(old)
    assert scanner.is_connected
    assert scanner.stats["reconnects"] == reconnected
    await scanner.close()


async def test_a_new_subscriber_of_a_changed_secret_is_answered(reloading: NatsSettings) -> None:
    """Its account is new to the server, which takes what it imports when it is told for the second time."""
    folder = reloading.secrets_dir
    assert folder is not None
    maker = await connect(reloading, PROVISION)
    await provision(maker.jetstream(), reloading.model_copy(update={"max_bytes": STREAM_BYTES}), SERVICES)
    await subscribers.add(maker.jetstream(), "lights", (), None)
    await asyncio.sleep(0.5)  # so that the watcher knows how it was
    password_in(folder, nats_password_file(subscriber_user("lights")))
    write_users_file(folder, USERS)
    await let_in(reloading, subscriber_user("lights"))
    assert maker.stats["reconnects"] == 0
    await maker.close()
