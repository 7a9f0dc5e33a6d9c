"""The page for those who query the data themselves: its questions run, as the role that it names."""

import re
from pathlib import Path

import asyncpg
import pytest

from shared.db.roles import PEOPLE
from shared.settings import PostgresSettings

PAGE = Path(__file__).resolve().parents[3] / "docs" / "howto" / "for-data-people.md"


@pytest.fixture
async def reader(database: PostgresSettings) -> asyncpg.Connection:
    """A connection as the page's role."""
    return await asyncpg.connect(
        host=database.host,
        port=database.port,
        database=database.database,
        user=PEOPLE.name,
        password=database.password_of(PEOPLE.name),
    )


async def test_every_question_of_the_page_is_answered(reader: asyncpg.Connection) -> None:
    """The SQL of the page runs as the role reader, so that nobody is shown a query that does not work."""
    try:
        questions = [part for block in re.findall(r"```sql\n(.*?)```", PAGE.read_text(), re.DOTALL)
                     for part in block.split(";") if part.strip()]  # fmt: skip
        assert len(questions) >= 3
        for question in questions:
            await reader.fetch(question)
    finally:
        await reader.close()


async def test_every_view_is_on_the_page(reader: asyncpg.Connection) -> None:
    """A view that the page names exists, and the reader may look into it."""
    try:
        named = re.findall(r"^\| `(\w+\.\w+)` \|", PAGE.read_text(), re.MULTILINE)
        assert len(named) >= 8
        for view in named:
            await reader.fetch(f"SELECT * FROM {view} LIMIT 1")
    finally:
        await reader.close()
