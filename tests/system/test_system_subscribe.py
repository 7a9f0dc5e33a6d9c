"""The example in JavaScript, with packages of npm and the real server."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from services.descriptions import SERVICES
from services.standalone.home import password_in
from services.standalone.logins import follow
from shared.bus import subscribers
from shared.bus.broker import connect
from shared.bus.names import PROVISION, subscriber_user
from shared.bus.provision import provision
from shared.bus.publish import Publisher
from shared.settings import NatsSettings
from shared.settings.servers import nats_password_file
from shared.tasks import beside
from tests.integration.bus.test_bus_subscribers import let_in
from tests.integration.stats.world import light
from tests.own_nats import nats_of_the_module, nats_server
from tests.stack import NatsServer

__all__ = ["nats_of_the_module", "nats_server"]

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
OLDEST_NODE = 20


@pytest.fixture
async def node(tmp_path: Path) -> Path:
    """The example with its packages, in a folder of its own; skips where Node is missing, old or without packages."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not here: the Debian packages nodejs and npm are not installed")
    code, version = await _run(tmp_path, "node", "--version")
    if code != 0 or int(version.removeprefix("v").split(".")[0]) < OLDEST_NODE:
        pytest.skip(f"node {version.strip()} is older than {OLDEST_NODE}")
    for name in ("package.json", "subscribe.mjs"):
        shutil.copy(EXAMPLES / name, tmp_path / name)
    code, said = await _run(tmp_path, "npm", "install", "--no-audit", "--no-fund", "--no-package-lock")
    if code != 0:
        pytest.skip(f"npm cannot install the packages of the example: {said.strip()[-200:]}")
    return tmp_path


@pytest.mark.timeout(300)
async def test_the_example_for_node_reads_events(node: Path, nats_server: NatsServer) -> None:
    """It prints each event once and acknowledges it, with the rights of a subscriber and no other."""
    assert nats_server.secrets is not None
    assert nats_server.embedded is not None
    secrets = nats_server.secrets
    settings = NatsSettings(url=nats_server.settings.url, secrets_dir=secrets, max_bytes=16 * 1024**2)
    client = await connect(settings, PROVISION, patient=False)
    js = client.jetstream()
    await provision(js, settings, SERVICES)
    user = subscriber_user("node")
    async with beside(follow(secrets, nats_server.embedded), name="passwords"):
        await subscribers.add(js, "node", ("file.scanned",), None)
        password_in(secrets, nats_password_file(user))
        await let_in(settings, user)
        scanner = await connect(settings, "scanner", patient=False)
        events = [light(f"f{number}") for number in range(5)]
        await asyncio.gather(*(Publisher(scanner.jetstream(), "scanner").publish(event) for event in events))
        await scanner.close()
        told = ("--name", "node", "--url", settings.url, "--password-file", str(secrets / nats_password_file(user)))
        code, output = await _run(node, "node", "subscribe.mjs", *told, "--count", str(len(events)))
        assert code == 0, output
        lines = [line.split(" ", 2) for line in output.splitlines()]
        assert len(lines) == len(events)
        assert {subject for subject, _, _ in lines} == {"file.scanned"}
        assert {event_id for _, event_id, _ in lines} == {str(event.event_id) for event in events}
        assert {json.loads(payload)["file_id"] for _, _, payload in lines} == {event.file_id for event in events}
        (found,) = await subscribers.subscribers(js)
        assert (found.waiting_events, found.unacknowledged_events) == (0, 0)
    await client.close()


async def _run(folder: Path, *words: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *words, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await asyncio.wait_for(process.communicate(), 200)
    return process.returncode or 0, output.decode()
