"""`subscribers` and `passwords` as a person uses them, on the servers of a home as `up` runs them."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.descriptions import SERVICES
from services.standalone.home import Home
from services.standalone.logins import follow
from shared.bus.broker import connect
from shared.bus.names import PROVISION
from shared.bus.provision import provision
from shared.bus.publish import Publisher
from shared.settings import NatsSettings
from shared.tasks import beside
from tests.integration.stats.world import light
from tests.own_nats import nats_of_the_module, nats_server
from tests.stack import NatsServer

REPOSITORY = Path(__file__).resolve().parents[3]
EXAMPLE = REPOSITORY / "examples" / "subscribe.py"

__all__ = ["nats_of_the_module", "nats_server"]

pytestmark = pytest.mark.usefixtures("embedded_stack")


@dataclass
class Running:
    """A home whose NATS runs, as `up` runs it."""

    home: Home
    nats: NatsSettings

    async def nightbus(self, *words: str) -> tuple[int, str, str]:
        """Run a command on it: exit code, output, errors."""
        return await program("-m", "services.cli.main", *words, "--home", str(self.home.path))


async def program(*words: str) -> tuple[int, str, str]:
    """Run Python: exit code, output, errors."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NIGHTBUS_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, env=clean | {"PYTHONPATH": str(REPOSITORY)}, cwd="/",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, errors = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, output.decode(), errors.decode()


@pytest.fixture
async def running(nats_server: NatsServer) -> AsyncIterator[Running]:
    """A home with a provisioned NATS that follows its passwords."""
    assert nats_server.embedded is not None
    assert nats_server.secrets is not None
    home = Home.attach(nats_server.secrets.parent)
    home.port("postgres")
    nats = NatsSettings(url=nats_server.settings.url, secrets_dir=home.secrets, max_bytes=16 * 1024**2)
    client = await connect(nats, PROVISION, patient=False)
    await provision(client.jetstream(), nats, SERVICES)
    await client.close()
    async with beside(follow(home.secrets, nats_server.embedded), name="passwords"):
        yield Running(home, nats)


async def test_a_subscriber_is_added_reads_and_is_revoked(running: Running) -> None:
    """The example reads events with what `add` prints; `list` says what waits; after `revoke` it is let in no more."""
    code, output, errors = await running.nightbus("subscribers", "add", "lights", "--subjects", "file.*", "--json")
    assert (code, errors) == (0, "")
    told = json.loads(output)
    file = running.home.secrets / "nats-subscriber-lights"
    assert (told["user"], told["consumer"], told["stream"]) == ("subscriber-lights", "subscriber-lights", "NIGHTBUS")
    assert (told["password_file"], told["password"], told["for_the_server"]) == (str(file), None, None)
    assert told["inbox_prefix"] == "_INBOX_subscriber-lights"
    again = await running.nightbus("subscribers", "add", "lights")
    assert again[:2] == (0, again[1])
    assert "subscriber lights reads file.* from now on" in again[1]

    scanner = await connect(running.nats, "scanner", patient=False)
    publisher = Publisher(scanner.jetstream(), "scanner")
    events = [light(f"f{number}") for number in range(3)]
    await asyncio.gather(*(publisher.publish(event) for event in events))
    await scanner.close()
    code, output, _ = await running.nightbus("subscribers", "list", "--json")
    (row,) = json.loads(output)
    assert (row["name"], row["waiting_events"], row["unacknowledged_events"]) == ("lights", 3, 0)
    assert row["password_file"] == str(file)

    words = ("--name", "lights", "--url", told["url"], "--password-file", str(file), "--count")
    code, output, errors = await program(str(EXAMPLE), *words, "3")
    assert (code, errors) == (0, "")
    lines = [line.split(" ", 2) for line in output.splitlines()]
    assert {(subject, event_id) for subject, event_id, _ in lines} == {
        ("file.scanned", str(event.event_id)) for event in events
    }
    assert {json.loads(payload)["file_id"] for _, _, payload in lines} == {event.file_id for event in events}
    code, output, _ = await running.nightbus("subscribers", "list")
    assert code == 0
    assert [line.split()[:4] for line in output.splitlines()[1:]] == [["lights", "file.*", "0", "0"]]

    code, output, _ = await running.nightbus("subscribers", "revoke", "lights", "--dry-run")
    assert (code, output) == (0, "subscriber lights would be revoked; 0 events waited for it\n")
    assert file.exists()
    code, output, errors = await running.nightbus("subscribers", "revoke", "lights", "--json")
    assert (code, json.loads(output)) == (0, {"name": "lights", "revoked": True, "waiting_events": 0}), errors
    assert not file.exists()
    code, _, errors = await running.nightbus("subscribers", "revoke", "lights")
    assert (code, errors.strip()) == (
        1, "nightbus: there is no subscriber lights; `nightbus subscribers list` shows them",
    )  # fmt: skip
    code, _, errors = await program(str(EXAMPLE), *words, "1")
    assert (code, errors) == (
        1, f"no password in {file}: `nightbus subscribers list` has the files of all subscribers\n",
    )  # fmt: skip


async def test_an_operator_of_another_nats_is_told_what_to_add(running: Running, tmp_path: Path) -> None:
    """Without a home: the consumer is made, and the user is printed, or written where the users come from a file."""
    secrets = running.home.secrets
    toml = tmp_path / "nightbus.toml"
    one_for_all = (
        f'[nats]\nurl = "{running.nats.url}"\nuser = "provision"\npassword_file = "{secrets}/nats-provision"\n'
    )
    toml.write_text(one_for_all)

    async def nightbus(*words: str) -> tuple[int, str, str]:
        script = f"import os; os.environ['NIGHTBUS_CONFIG'] = {str(toml)!r}; from services.cli.main import app; app()"
        return await program("-c", script, *words)

    code, output, errors = await nightbus("subscribers", "add", "bot", "--since", "2026-01-10", "--json")
    assert (code, errors) == (0, "")
    told = json.loads(output)
    assert len(told["password"]) == 32
    assert told["password_file"] is None
    assert "user: subscriber-bot" in told["for_the_server"]
    assert "password: $NATS_SUBSCRIBER_BOT" in told["for_the_server"]
    assert '"$JS.API.CONSUMER.MSG.NEXT.NIGHTBUS.subscriber-bot"' in told["for_the_server"]
    assert told["since"].startswith("2026-01-10T00:00:00")

    folder = tmp_path / "secrets"
    assert (await nightbus("passwords", "make", str(folder)))[0] == 0
    (folder / "nats-provision").write_text((secrets / "nats-provision").read_text())
    toml.write_text(f'[nats]\nurl = "{running.nats.url}"\nsecrets_dir = "{folder}"\n')
    code, output, errors = await nightbus("subscribers", "add", "bot")
    assert (code, errors) == (0, "")
    told = f"reload NATS twice, some seconds apart: {folder / 'nats-users.conf'} has the account subscriber-bot now"
    assert told in output
    assert "user: subscriber-bot" in (folder / "nats-users.conf").read_text()
    code, output, _ = await nightbus("subscribers", "revoke", "bot")
    assert "take the account subscriber-bot out of the configuration of NATS and reload it" in output
    assert "subscriber-bot" not in (folder / "nats-users.conf").read_text()


async def test_passwords_of_a_home_are_renewed(running: Running) -> None:
    """`renew` returns once the server takes the new ones, and who was connected logs in anew by itself."""
    scanner = await connect(running.nats, "scanner")
    before = {file.name: file.read_text() for file in running.home.secrets.glob("nats-*")}
    code, output, errors = await running.nightbus("passwords", "renew", "scanner", "cli", "janitor", "--json")
    assert (code, errors) == (0, "")
    told = json.loads(output)
    assert (told["state"], set(told["files"])) == ("in effect", {"nats-scanner", "nats-cli", "nats-janitor"})
    for file in told["files"]:
        assert (running.home.secrets / file).read_text() != before[file]
    for user in ("cli", "janitor"):
        await (await connect(running.nats, user, patient=False)).close()
    async with asyncio.timeout(15):
        while scanner.stats["reconnects"] < 1 or not scanner.is_connected:
            await asyncio.sleep(0.05)
    await scanner.flush()
    await scanner.close()
