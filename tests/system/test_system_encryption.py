"""TLS on the distribution's PostgreSQL: pg_dump and psql, its own and those of our image, check the server as we do."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from services.backup.database.pipe import login_of, running
from services.cli.sql import environment
from shared.db.pool import pool_of
from shared.settings import PostgresSettings
from tests.certificates import Authority
from tests.stack import INSTALLED_POSTGRES, PlainServer, admin_execute, installed_postgres, open_folder
from tests.system.containers import IMAGE, Docker

_DUMP = """
import asyncio
from uuid import uuid4
from services.backup.database.make import Wish, look_at_server, make_dump
from services.backup.database.programs import find_programs
from services.backup.destinations.kinds import opened
from services.backup.settings import BackupSettings, DestinationSettings
from services.settings import load_settings

def print_nothing(_sent_bytes):
    pass

async def main():
    settings = load_settings()
    programs = await find_programs(settings.section(BackupSettings).pg_dump)
    server = await look_at_server(settings.postgres, "backup_dump")
    (configured,) = settings.sections(DestinationSettings)
    async with opened(configured, "0a1b2c3d") as destination:
        await destination.check("0a1b2c3d", first_time=True)
        wish = Wish(uuid4(), "0a1b2c3d", "asked")
        note = await make_dump(programs, settings.postgres, "backup_dump", server, destination, wish, print_nothing)
    print(note.model_dump_json())

asyncio.run(main())
"""
"""What the backup service does for a dump, from the look at the server to the note beside it."""


def _programs() -> Path:
    found = sorted(INSTALLED_POSTGRES.glob("[0-9]*/bin"), key=lambda path: int(path.parent.name))
    usable = [path for path in found if (path / "initdb").is_file() and int(path.parent.name) >= 15]
    if not usable:
        pytest.skip(f"there is no PostgreSQL in {INSTALLED_POSTGRES}: the Debian package postgresql is not installed")
    return usable[-1]


@pytest.mark.timeout(200)
async def test_programs_of_postgres_check_the_server() -> None:
    """With the authority of the settings they are let in, encrypted; with a stranger's or a wrong name they refuse."""
    programs = _programs()
    with open_folder() as folder:
        authority = Authority(folder)
        with _encrypting(folder, programs, authority) as server:
            plain = server.settings("postgres")
            there = {"host": "localhost", "ca_file": authority.file, "unencrypted": False}
            await admin_execute(server, ["CREATE ROLE reader_cli LOGIN", "CREATE ROLE backup_dump LOGIN"])
            for role in ("reader_cli", "backup_dump"):
                await admin_execute(server, [f"ALTER ROLE {role} PASSWORD '{plain.password_of(role)}'"])
            where = plain.model_copy(update=there)
            async with pool_of(where, "backup_dump") as pool:
                assert await pool.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            assert await _psql(programs, where) == (0, "t\n", "")
            code, _, said = await _psql(programs, where.model_copy(update={"ca_file": _stranger(folder)}))
            assert code != 0
            assert "certificate verify failed" in said
            code, _, said = await _psql(programs, where.model_copy(update={"host": "127.0.0.1"}))
            assert code != 0
            assert 'does not match host name "127.0.0.1"' in said
            await _dump(programs, where)


@pytest.mark.timeout(300)
def test_the_image_dumps_and_asks_encrypted(docker: Docker) -> None:
    """In a container the database is migrated, dumped, read back and asked by psql over TLS; a stranger is refused."""
    with open_folder() as folder:
        authority = Authority(folder)
        with _encrypting(folder, _programs(), authority) as server:
            where = server.settings("postgres")
            (folder / "backup").mkdir()
            for path in (folder / "secrets", *(folder / "secrets").iterdir(), folder / "backup"):
                shutil.chown(path, 1000, 1000)
            destination = {"name": "disk", "kind": "folder", "path": "/backup"}
            said = {
                "POSTGRES__HOST": "localhost", "POSTGRES__PORT": where.port, "POSTGRES__DATABASE": "postgres",
                "POSTGRES__ADMIN_ROLE": where.admin_role, "POSTGRES__SECRETS_DIR": "/run/secrets",
                "DESTINATIONS": json.dumps([destination]),
            }  # fmt: skip
            words = ["run", "--rm", "--interactive", "--network", "host"]
            words += ["--volume", f"{folder}/secrets:/run/secrets:ro", "--volume", f"{folder}/backup:/backup"]
            words += [word for name, value in said.items() for word in ("--env", f"NIGHTBUS_{name}={value}")]
            ours = ["--volume", f"{authority.file}:/ca.pem:ro", "--env", "NIGHTBUS_POSTGRES__CA_FILE=/ca.pem"]
            docker(*words, *ours, IMAGE, "migrate")
            note = json.loads(docker(*words, *ours, "--entrypoint", "python", IMAGE, "-c", _DUMP).stdout)
            (dump,) = (folder / "backup").glob(f"*/{note['key']}")
            assert dump.stat().st_size == note["size_bytes"] > 0
            assert note["pg_dump_version"].startswith("18")
            ask = ["sql", "--", "-tAc", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"]
            assert docker(*words, *ours, IMAGE, *ask).stdout == "t\n"
            stranger = ["--volume", f"{_stranger(folder)}:/ca.pem:ro", "--env", "NIGHTBUS_POSTGRES__CA_FILE=/ca.pem"]
            refused = docker(*words, *stranger, IMAGE, *ask, check=False)
            assert refused.returncode != 0
            assert "certificate verify failed" in refused.stderr


@contextmanager
def _encrypting(folder: Path, programs: Path, authority: Authority) -> Iterator[PlainServer]:
    """A server that has a certificate for the name localhost."""
    made = authority.certificate("localhost")
    made.key.chmod(0o600)
    options = {"ssl": "on", "ssl_cert_file": str(made.file), "ssl_key_file": str(made.key)}
    with installed_postgres(folder, programs, options, [made.file, made.key]) as server:
        yield server


async def _psql(programs: Path, where: PostgresSettings) -> tuple[int, str, str]:
    words = [str(programs / "psql"), "-tAc", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"]
    told = {**os.environ, **environment(where)}
    done = await asyncio.to_thread(subprocess.run, words, env=told, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


async def _dump(programs: Path, where: PostgresSettings) -> None:
    """A dump as the backup service makes it; it raises where pg_dump fails."""
    arguments = [f"--host={where.host}", f"--port={where.port}", "--username=backup_dump", "--dbname=postgres", "-s"]
    async with running(programs / "pg_dump", arguments, login=login_of(where, "backup_dump")) as process:
        assert process.stdout is not None
        assert b"PostgreSQL database dump" in await process.stdout.read()


def _stranger(folder: Path) -> Path:
    other = folder / "elsewhere"
    shutil.rmtree(other, ignore_errors=True)
    other.mkdir()
    return Authority(other, "stranger").file
