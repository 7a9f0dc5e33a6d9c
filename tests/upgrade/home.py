"""A home of `nightbus up` as a small archive: the rows of its tables, and its message store byte for byte.

``python -m tests.upgrade.home HOME LISTINGS ARCHIVE`` writes one from a home that is not running, with the code of the
version that made it; LISTINGS is a folder with what its listings printed as JSON. ``restored`` builds a home from it.
Captures are not in it: their library is away, as an unmounted disk is. ``v0.1.tar.xz`` is the home of
`nightbus demo --keep /srv/night`, made by the last version in which each service provisioned NATS itself.
"""

import asyncio
import io
import json
import shutil
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg

from services.descriptions import SCHEMAS
from services.standalone.accounts import service_account
from services.standalone.home import Home
from services.standalone.postgres import SUPERUSER, EmbeddedPostgres
from services.standalone.stack import DATABASE
from shared.db.roles import OTHERS
from shared.settings import PostgresSettings

V01 = Path(__file__).with_name("v0.1.tar.xz")
_TABLES = """
SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname = ANY($1) ORDER BY 1, 2
"""
_COLUMNS = """
SELECT column_name FROM information_schema.columns
WHERE table_schema = $1 AND table_name = $2 AND is_generated = 'NEVER' ORDER BY ordinal_position
"""
_SEQUENCES = """
SELECT format('%I.%I', schemaname, sequencename) AS name, last_value FROM pg_sequences WHERE schemaname = ANY($1)
"""
_SCHEMAS = (
    "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public')"
)
STORE = "nats/store"


async def dump(home: Path, listings: Path, archive: Path) -> None:
    """Write the archive of a home that does not run."""
    with Home.open(home) as opened, tarfile.open(archive, "w:xz", preset=9) as tar:
        server = EmbeddedPostgres(opened)
        await server.start()
        connection = await asyncpg.connect(server.dsn(SUPERUSER, DATABASE))
        try:
            for name, content in (await _rows(connection)).items():
                _add(tar, name, content)
        finally:
            await connection.close()
            await server.stop()
        _add(tar, "nats/limits.json", (home / "nats" / "limits.json").read_bytes())
        for file in sorted(listings.glob("*.json")):
            _add(tar, f"listings/{file.name}", file.read_bytes())
        for file in sorted((home / STORE).rglob("*")):
            if file.is_file():
                _add(tar, file.relative_to(home).as_posix(), file.read_bytes())


async def _rows(connection: asyncpg.Connection) -> dict[str, bytes]:
    schemas = [row["nspname"] for row in await connection.fetch(_SCHEMAS)]
    content: dict[str, bytes] = {}
    columns: dict[str, list[str]] = {}
    for row in await connection.fetch(_TABLES, schemas):
        name = f"{row['schema']}.{row['name']}"
        columns[name] = [found["column_name"] for found in await connection.fetch(_COLUMNS, *row)]
        rows = io.BytesIO()
        await connection.copy_from_table(row["name"], schema_name=row["schema"], columns=columns[name], output=rows)
        content[f"tables/{name}.copy"] = rows.getvalue()
    about = {
        "revisions": sorted(row[0] for row in await connection.fetch("SELECT version_num FROM alembic_version")),
        "columns": columns,
        "sequences": {row["name"]: row["last_value"] for row in await connection.fetch(_SEQUENCES, schemas)},
    }
    return {"about.json": json.dumps(about, indent=1).encode(), **content}


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def listing(archive: Path, name: str) -> Any:
    """What a listing printed as JSON in the version that made the archive."""
    with tarfile.open(archive) as tar:
        file = tar.extractfile(f"listings/{name}.json")
        assert file is not None
        return json.loads(file.read())


Migrate = Callable[[PostgresSettings, str], Any]
"""Brings a database to a revision (a coroutine function)."""


async def restored(archive: Path, home: Path, migrate: Migrate) -> Home:
    """A home made from an archive: its database at the revisions of its version, and its message store."""
    opened = Home.open(home)
    with tarfile.open(archive) as tar:
        content = {
            entry.name: file.read() for entry in tar.getmembers() if (file := tar.extractfile(entry)) is not None
        }
    about = json.loads(content["about.json"])
    server = EmbeddedPostgres(opened)
    await server.start()
    try:
        await _fill(opened, server, about, content, migrate)
    finally:
        await server.stop()
    account = service_account()
    for name, data in content.items():
        if name.startswith("nats/"):
            place = home / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
    if account is not None:
        for path in (home / STORE, *(home / STORE).rglob("*")):
            shutil.chown(path, account.uid, account.gid)
    (home / STORE).chmod(0o700)
    return opened


async def _fill(
    home: Home, server: EmbeddedPostgres, about: dict[str, Any], content: dict[str, bytes], migrate: Migrate
) -> None:
    for role in (*SCHEMAS, *OTHERS):
        home.secret(role)
    admin = await asyncpg.connect(server.admin_dsn)
    await admin.execute(f"CREATE DATABASE {DATABASE}")
    await admin.close()
    settings = PostgresSettings(
        host="127.0.0.1", port=server.port, database=DATABASE, admin_role=SUPERUSER, secrets_dir=home.secrets
    )
    for revision in about["revisions"]:
        await migrate(settings, revision)
    connection = await asyncpg.connect(server.dsn(SUPERUSER, DATABASE))
    try:
        await connection.execute("SET session_replication_role = replica")
        for name, columns in about["columns"].items():
            schema, table = name.split(".")
            await connection.execute(f"DELETE FROM {name}")
            rows = io.BytesIO(content[f"tables/{name}.copy"])
            await connection.copy_to_table(table, schema_name=schema, columns=columns, source=rows)
        for name, last in about["sequences"].items():
            if last is not None:
                await connection.execute("SELECT setval($1::text::regclass, $2)", name, last)
    finally:
        await connection.close()


if __name__ == "__main__":
    asyncio.run(dump(*map(Path, sys.argv[1:])))
