"""TLS on the distribution's PostgreSQL, whose programs have it: pg_dump and psql check the server as we do."""

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from services.backup.database.pipe import login_of, running
from services.cli.sql import environment
from shared.db.pool import pool_of
from shared.settings import PostgresSettings
from tests.certificates import Authority
from tests.stack import INSTALLED_POSTGRES, admin_execute, installed_postgres, open_folder


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
        made = authority.certificate("localhost")
        made.key.chmod(0o600)
        options = {"ssl": "on", "ssl_cert_file": str(made.file), "ssl_key_file": str(made.key)}
        with installed_postgres(folder, programs, options, [made.file, made.key]) as server:
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
