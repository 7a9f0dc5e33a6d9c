"""TLS: what leaves the machine is encrypted, the server's name is checked, and no password goes out in plain text."""

import asyncio
import json
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from services.cli.connection import Stack, bus, reader
from services.descriptions import SCHEMAS, SERVICES, described
from services.settings import AllSettings
from services.standalone.binaries import installed_binaries
from shared import encryption
from shared.bus.broker import connect
from shared.bus.names import PROVISION
from shared.bus.private import encrypts
from shared.bus.provision import provision
from shared.db.migrate import migrate
from shared.db.pool import open_pool, pool_of
from shared.errors import UserError
from shared.service import Service
from shared.settings import NatsSettings, PostgresSettings
from tests.certificates import Authority, Certificate
from tests.encrypted_postgres import with_tls
from tests.moto_server import free_port
from tests.stack import open_folder, wait_for_port

PASSWORD = "a-password-that-nobody-must-see"


@contextmanager
def encrypted_nats(folder: Path, certificate: Certificate | None) -> Iterator[int]:
    """A NATS on loopback that demands TLS, or has none; gives its port."""
    port = free_port()
    tls = f'tls {{ cert_file: "{certificate.file}", key_file: "{certificate.key}" }}\n' if certificate else ""
    users = f'authorization {{ users: [ {{ user: all, password: "{PASSWORD}" }} ] }}\n'
    configuration = folder / "server.conf"
    store = folder / "store"
    configuration.write_text(f'listen: "127.0.0.1:{port}"\n{tls}{users}jetstream {{ store_dir: "{store}" }}\n')
    command = [str(installed_binaries().nats_server), "-c", str(configuration)]
    with (folder / "nats.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_for_port(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder for certificates and stores."""
    with open_folder() as path:
        yield path


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    """Whom the settings trust."""
    return Authority(folder)


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> Certificate:
    """A certificate for localhost, and not for its address."""
    return authority.certificate("localhost")


@pytest.fixture(scope="module")
def port(folder: Path, certificate: Certificate) -> Iterator[int]:
    """The port of a NATS with TLS."""
    with encrypted_nats(folder, certificate) as port:
        yield port


def settings_for(port: int, *, host: str = "localhost", ca_file: Path | None = None, **more: object) -> NatsSettings:
    """Settings of a NATS on that port."""
    url = f"nats://{host}:{port}"
    return NatsSettings(url=url, user="all", password=SecretStr(PASSWORD), ca_file=ca_file, **more)


async def test_services_and_commands_talk_to_nats_encrypted(
    port: int, authority: Authority, database: PostgresSettings
) -> None:
    """With its authority named, the connections of a service, of the command line and of provisioning are encrypted."""
    nats = settings_for(port, ca_file=authority.file, max_bytes=8 * 1024**2)
    client = await connect(nats, PROVISION, patient=False)
    assert encrypts(client)
    await provision(client.jetstream(), nats, SERVICES)
    await client.close()
    settings = AllSettings(postgres=database, nats=nats)
    async with Service(described("scanner"), settings) as scanner:
        assert encrypts(scanner.client)
    async with bus(Stack(settings, None)) as client:
        assert encrypts(client)
        await client.flush()


@pytest.mark.parametrize("patient", [False, True])
async def test_a_nats_that_is_not_trusted_is_refused_in_a_sentence(port: int, tmp_path: Path, patient: bool) -> None:
    """An authority that nobody named, and a name that is not in the certificate, end the attempt at once."""
    stranger = Authority(tmp_path, "stranger")
    with pytest.raises(UserError, match=r"NATS at nats://localhost:\d+ is not trusted: .*name the certificate of its"):
        async with asyncio.timeout(20):
            await connect(settings_for(port, ca_file=stranger.file), "all", patient=patient)


async def test_another_name_is_not_trusted(port: int, authority: Authority) -> None:
    """The certificate has to be for the name by which the server is reached."""
    with pytest.raises(UserError, match=r"is not trusted: IP address mismatch.*give it a certificate for the name"):
        await connect(settings_for(port, host="127.0.0.1", ca_file=authority.file), "all")


async def test_a_certificate_that_has_ended_is_told_as_that() -> None:
    """What helps is a new certificate, and not another authority."""
    with open_folder() as folder:
        ended = Authority(folder, "ended")
        told = pytest.raises(UserError, match=r"is not trusted: certificate has expired; give it a new certificate")
        with encrypted_nats(folder, ended.certificate("localhost", ended_days=1)) as port, told:
            await connect(settings_for(port, ca_file=ended.file), "all")


@asynccontextmanager
async def eavesdropper() -> AsyncIterator[tuple[int, bytearray]]:
    """Somebody who says that he is a NATS without TLS, and what he hears."""
    heard = bytearray()

    async def serve(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        info = {"server_id": "x", "version": "2.15.1", "max_payload": 1048576, "headers": True, "auth_required": True}
        target.write(f"INFO {json.dumps(info)}\r\n".encode())
        while data := await source.read(4096):
            heard.extend(data)
            target.write(b"PONG\r\n")
        target.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1]), heard
    finally:
        server.close()


async def test_nothing_is_said_to_a_nats_that_does_not_encrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Off loopback, whoever leaves TLS out hears neither password nor name, and we are told in a sentence."""
    monkeypatch.setattr(encryption, "stays_here", lambda _host: False)
    async with eavesdropper() as (port, heard):
        for patient in (False, True):
            with pytest.raises(
                UserError, match=r"does not encrypt, and it is another machine: .*nats.unencrypted = true"
            ):
                async with asyncio.timeout(20):
                    await connect(settings_for(port), "all", patient=patient)
        settings = AllSettings(nats=settings_for(port))
        with pytest.raises(UserError, match="does not encrypt"):
            async with Service(described("scanner"), settings):
                raise AssertionError("it was let in")
        with pytest.raises(UserError, match="does not encrypt"):
            async with bus(Stack(settings, None)):
                raise AssertionError("it was let in")
        assert bytes(heard) == b""
        allowed = settings_for(port, unencrypted=True)
        client = await connect(allowed, "all", patient=False)
        assert PASSWORD.encode() in heard, "a person may allow it"
        await client.close()


async def test_a_service_ends_with_that_sentence(tmp_path: Path) -> None:
    """`nightbus run` where TLS is demanded and the server has none: exit code 1, one sentence, no password sent."""
    async with eavesdropper() as (port, heard):
        told = {"NIGHTBUS_NATS__URL": f"tls://127.0.0.1:{port}", "NIGHTBUS_NATS__USER": "all"}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.cli.main", "run", "scanner", cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[3]), **told,
                 "NIGHTBUS_NATS__PASSWORD": PASSWORD},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, said = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 1
        assert said.decode().startswith(f"nightbus: NATS at tls://127.0.0.1:{port} does not encrypt, and it is another")
        assert bytes(heard) == b""


async def test_postgres_is_talked_to_encrypted(
    database: PostgresSettings, authority: Authority, certificate: Certificate, tmp_path: Path
) -> None:
    """A service's pool, migrations and the command line; with a stranger's or a wrong name none of them."""
    async with with_tls(database.host, database.port, certificate) as port:
        there = {"host": "localhost", "port": port, "ca_file": authority.file, "unencrypted": False}
        where = database.model_copy(update=there)
        async with pool_of(where, "stats") as pool:
            assert await pool.fetchval("SELECT current_user") == "stats"
        await migrate(where, SCHEMAS)
        async with reader(Stack(AllSettings(postgres=where), None)) as connection:
            assert await connection.fetchval("SELECT current_user") == "reader_cli"
        stranger = where.model_copy(update={"ca_file": Authority(tmp_path, "stranger").file})
        sentence = (
            r"Postgres at localhost:\d+ is not trusted: .*name the certificate of its authority in postgres.ca_file"
        )
        with pytest.raises(UserError, match=sentence):
            await open_pool(stranger, "stats")
        with pytest.raises(UserError, match=sentence):
            await migrate(stranger, SCHEMAS)
        with pytest.raises(UserError, match=sentence):
            async with reader(Stack(AllSettings(postgres=stranger), None)):
                raise AssertionError("it was let in")
        with pytest.raises(UserError, match="is not trusted: IP address mismatch"):
            await open_pool(where.model_copy(update={"host": "127.0.0.1"}), "stats")


async def test_a_postgres_that_does_not_encrypt_is_refused(
    database: PostgresSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Off loopback a server without TLS is refused in a sentence, by services and commands; a person may allow it."""
    monkeypatch.setattr(encryption, "stays_here", lambda _host: False)
    plain = database.model_copy(update={"unencrypted": False})
    sentence = r"does not encrypt, and it is another machine: .*postgres.unencrypted = true"
    with pytest.raises(UserError, match=sentence):
        await open_pool(plain, "stats")
    with pytest.raises(UserError, match=sentence):
        await migrate(plain, SCHEMAS)
    with pytest.raises(UserError, match=sentence):
        async with reader(Stack(AllSettings(postgres=plain), None)):
            raise AssertionError("it was let in")
    async with pool_of(plain.model_copy(update={"unencrypted": True}), "stats") as pool:
        assert await pool.fetchval("SELECT 1") == 1


HOWTO = Path(__file__).parents[3] / "docs" / "howto" / "encrypt-and-rotate.md"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not here")
async def test_the_howto_makes_certificates_that_are_trusted() -> None:
    """The commands of the page, run as they stand there, make an authority and a certificate with which NATS is had."""
    commands = re.search(r"```sh\n# an authority of your own.*?```", HOWTO.read_text(), re.DOTALL)
    assert commands is not None
    script = commands[0].removeprefix("```sh\n").removesuffix("```").replace("nats.lan", "localhost")
    with open_folder() as folder:
        await asyncio.to_thread(subprocess.run, ["bash", "-euc", script], cwd=folder, check=True, capture_output=True)
        certificate = Certificate(folder / "nats.crt", folder / "nats.key")
        with encrypted_nats(folder, certificate) as port:
            client = await connect(settings_for(port, ca_file=folder / "ca.crt"), "all", patient=False)
            assert encrypts(client)
            await client.close()
