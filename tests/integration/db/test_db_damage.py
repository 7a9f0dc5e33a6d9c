"""A damaged page of a table: it is said, with the table and what helps, and is no end of a service."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.cli.connection import Place, reader
from shared.db import damage
from shared.db.errors import translated
from shared.db.pool import check_database, pool_of
from shared.errors import Unavailable, UserError
from shared.settings import PostgresSettings
from tests.stack import connected_as

pytestmark = pytest.mark.skipif(
    os.environ.get("NIGHTBUS_TEST_STACK") == "containers", reason="the files of a container are not ours to damage"
)


_FILE = "INSERT INTO ingest.file (file_id, size_bytes, source, origin) VALUES ($1, 1, 'a', 'b')"


@pytest.fixture(autouse=True)
def nothing_met() -> Iterator[None]:
    """No damage is known before and after."""
    yield
    damage._Met.words, damage._Met.at_s = "", float("-inf")


@pytest.fixture
async def damaged(database: PostgresSettings) -> PostgresSettings:
    """A copy of the database in which the first page of ``ingest.file`` is damaged on the disk."""
    name = f"{database.database}_damaged"
    async with connected_as(database, database.admin_role) as admin:
        await admin.execute(
            "INSERT INTO ingest.file (file_id, size_bytes, source, origin) VALUES ($1, 1, 'a', 'b')", "0" * 64
        )
        folder = Path(await admin.fetchval("SHOW data_directory"))
    copy = database.model_copy(update={"database": name})
    server = database.model_copy(update={"database": "postgres"})
    async with connected_as(server, database.admin_role) as admin:
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{database.database}" STRATEGY file_copy')
    async with connected_as(copy, database.admin_role) as admin:
        file = folder / await admin.fetchval("SELECT pg_relation_filepath('ingest.file')")
    page = bytearray(file.read_bytes())
    page[8:24] = bytes(255 - byte for byte in page[8:24])
    file.write_bytes(page)
    return copy


async def test_a_damaged_page_is_said_with_its_table_and_what_helps(damaged: PostgresSettings) -> None:
    """Whoever meets it waits, the health page and `status` name the table and what helps; all else is served."""
    async with pool_of(damaged, "ingest") as pool:
        await check_database(pool)()
        with pytest.raises(Unavailable, match=r"the database is damaged: .*; what of it"), translated():
            await pool.fetch("SELECT * FROM file")
        with pytest.raises(Unavailable, match=r"damaged: .* \(that is (ingest\.)?file\); .*howto/damaged-database\.md"):
            await check_database(pool)()
        assert await pool.fetchval("SELECT count(*) FROM source_file") == 0


async def test_a_command_that_meets_damage_ends_with_a_sentence(damaged: PostgresSettings) -> None:
    """No traceback: the sentence says what is damaged and where to read on."""

    class Here:
        def postgres(self, _role: str) -> Place:
            """The damaged database, as who may read it."""
            role = damaged.admin_role
            return Place(damaged.host, damaged.port, damaged.database, role, damaged.password_of(role))

    with pytest.raises(UserError, match=r"the database is damaged: .*docs/howto/damaged-database\.md"):
        async with reader(Here()) as connection:  # type: ignore[arg-type]
            await connection.fetch("SELECT * FROM ingest.file")
