"""A ledger of before the fingerprints knows its files as before, up and down: none is read again."""

import re
from pathlib import Path

import pytest

from services.descriptions import SCHEMAS
from shared.db.migrate import downgrade, migrate
from shared.library.walk import fingerprint_of
from shared.settings import PostgresSettings
from tests.stack import connected_as

FOLDER = Path(__file__).resolve().parents[3] / "services" / "ingest" / "schema"
NUMBERS = [(7, 1_700_000_000_123_456_789), (0, 0), (2**63 - 1, -(2**63)), (1, 2**63 - 1), (2, -1)]
"""Inode and ctime, as a column holds them."""


@pytest.fixture
def before() -> str:
    """The revision before the one that makes fingerprints."""
    (script,) = (file for file in FOLDER.glob("*.up.sql") if "RENAME COLUMN inode TO fingerprint" in file.read_text())
    return f"ingest@ingest_{int(re.sub(r'[^0-9]', '', script.name)) - 1:04}"


async def test_a_ledger_of_inodes_becomes_one_of_fingerprints(database: PostgresSettings, before: str) -> None:
    """Inode and ctime are the fingerprint that a walk makes of them, and are themselves again after a downgrade."""
    await downgrade(database, SCHEMAS, before)
    rows = [("rig", "", f"{number}.fit", 1, 2, *pair, "arrived") for number, pair in enumerate(NUMBERS)]
    columns = "source, folder, name, size_bytes, mtime_ns, inode, ctime_ns, state"
    async with connected_as(database, database.admin_role) as connection:
        await connection.executemany(
            f"INSERT INTO ingest.source_file ({columns}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", rows
        )
    await migrate(database, SCHEMAS)
    async with connected_as(database, "ingest") as connection:
        found = await connection.fetch("SELECT fingerprint FROM source_file ORDER BY name")
        assert [row[0] for row in found] == [fingerprint_of(*pair) for pair in NUMBERS]
        await connection.execute(
            "INSERT INTO source_file (source, folder, name, size_bytes, mtime_ns, fingerprint, state)"
            " VALUES ('slooh', '', 'z.fit', 1, 2, 'an etag', 'arrived')"
        )
    await downgrade(database, SCHEMAS, before)
    async with connected_as(database, database.admin_role) as connection:
        back = await connection.fetch("SELECT inode, ctime_ns FROM ingest.source_file ORDER BY name")
        assert [tuple(row) for row in back] == [*NUMBERS, (0, 0)]
    await migrate(database, SCHEMAS)
