"""The command line's connection to the database: its own role, and a sentence where a limit of that role is met."""

from contextlib import AsyncExitStack

import pytest

from services.cli.connection import Stack, reader
from services.settings import AllSettings
from shared.db.roles import COMMAND_LINE
from shared.errors import UserError
from shared.settings import PostgresSettings
from tests.stack import connected_as


async def test_a_limit_of_the_role_is_a_sentence(database: PostgresSettings) -> None:
    """A command that finds no connection left, or whose query takes too long, says so, and not that nothing answers."""
    stack = Stack(AllSettings(postgres=database), None)
    async with connected_as(database, database.admin_role) as admin:
        await admin.execute(
            f"ALTER ROLE {COMMAND_LINE.name} IN DATABASE {database.database} SET statement_timeout = '200ms'"
        )
    async with reader(stack) as connection:
        assert await connection.fetchval("SELECT current_user") == COMMAND_LINE.name
    with pytest.raises(UserError, match="took too long to answer and was stopped: canceling statement"):
        async with reader(stack) as connection:
            await connection.execute("SELECT pg_sleep(60)")
    async with AsyncExitStack() as others:
        for _ in range(COMMAND_LINE.connections):
            await others.enter_async_context(connected_as(database, COMMAND_LINE.name))
        with pytest.raises(UserError, match="has no connection left for the role reader_cli"):
            async with reader(stack):
                pytest.fail("one more than its limit")
