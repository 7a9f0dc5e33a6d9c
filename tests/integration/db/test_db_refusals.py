"""What a migration cannot do, it says in one sentence, and leaves the database as it was."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import SecretStr

from services.descriptions import SCHEMAS
from shared.db.migrate import downgrade, migrate
from shared.db.schemas import numbers
from shared.errors import UserError
from shared.settings import PostgresSettings
from tests.integration.db.catalogue import snapshot
from tests.stack import connected_as

NEWER = "INSERT INTO public.alembic_version VALUES ('newcomer_0001')"
PLACES = "SELECT version_num FROM public.alembic_version ORDER BY 1"


def changed(tmp_path: Path, up: str, down: str = "SELECT 1;\n") -> tuple[Mapping[str, Path], str]:
    """Today's schemas with one more change of stats, and the name of that change."""
    folder = tmp_path / "stats"
    shutil.copytree(SCHEMAS["stats"], folder)
    number = f"{int(numbers(folder)[-1]) + 1:04}"
    (folder / f"{number}.up.sql").write_text(up)
    (folder / f"{number}.down.sql").write_text(down)
    return {**SCHEMAS, "stats": folder}, f"stats_{number}"


async def everything(settings: PostgresSettings) -> list[object]:
    """What a migration may change: schemas, the places of their branches, roles with their settings and memberships."""
    async with connected_as(settings, settings.admin_role) as connection:
        return [
            *await snapshot(connection),
            *await connection.fetch(PLACES),
            *await connection.fetch(
                "SELECT rolname, rolcanlogin, rolconnlimit, rolpassword, rolconfig FROM pg_authid"
                " LEFT JOIN LATERAL (SELECT setconfig AS rolconfig FROM pg_db_role_setting"
                "                    WHERE setrole = pg_authid.oid AND setdatabase = 0) s ON true"
                " WHERE rolname !~ '^pg_' ORDER BY 1"
            ),
            *await connection.fetch("SELECT roleid, member FROM pg_auth_members ORDER BY 1, 2"),
            *await connection.fetch("SELECT oid, proacl::text FROM pg_proc WHERE proacl IS NOT NULL ORDER BY 1"),
        ]


async def test_a_failed_change_leaves_everything_as_it_was(database: PostgresSettings, tmp_path: Path) -> None:
    """Of a change that fails in its middle nothing stays, nor of the ones before it, nor of the roles made for them."""
    before = await everything(database)
    schemas, name = changed(
        tmp_path, "ALTER TABLE stats.frame ADD COLUMN half text;\nSELECT nothing FROM stats.frame;\n"
    )
    extra = tmp_path / "newcomer"
    extra.mkdir()
    for way in ("up", "down"):
        (extra / f"0001.{way}.sql").write_text("-- A service of tomorrow.\nCREATE TABLE newcomer.thing (id integer);\n")
    settings = database.model_copy(update={"password": SecretStr("secret")})
    with pytest.raises(UserError) as caught:
        await migrate(settings, {"newcomer": extra, **schemas})
    assert str(caught.value) == (
        f'the database is left as it was, since its change {name} failed: column "nothing" does not exist'
    )
    assert await everything(database) == before
    await migrate(database, SCHEMAS)


async def test_a_change_that_cannot_be_taken_back_is_a_sentence_too(database: PostgresSettings, tmp_path: Path) -> None:
    """Going down fails as going up does: nothing of it stays, and the sentence names the change."""
    schemas, name = changed(
        tmp_path, "CREATE TABLE stats.extra (id integer);\n", "DROP TABLE stats.extra, stats.extras;\n"
    )
    await migrate(database, schemas)
    before = await everything(database)
    with pytest.raises(UserError, match=f'its change {name} failed: table "extras" does not exist'):
        await downgrade(database, schemas, "stats@stats_0001")
    assert await everything(database) == before


async def test_a_newer_database_is_refused(database: PostgresSettings, tmp_path: Path) -> None:
    """A program that does not know where the database is changes nothing in it, and says who made it."""
    schemas, name = changed(tmp_path, "CREATE TABLE stats.extra (id integer);\n")
    await migrate(database, schemas)
    before = await everything(database)
    with pytest.raises(UserError) as caught:
        await migrate(database, SCHEMAS)
    assert str(caught.value) == (
        f"the database was made by a newer Nightbus ({name} is not known here): "
        "run that version, or restore a backup of the database that is as old as this one"
    )
    async with connected_as(database, database.admin_role) as connection:
        await connection.execute(NEWER)
    with pytest.raises(UserError, match=f"newer Nightbus \\(newcomer_0001, {name} are not known here\\)"):
        await migrate(database, SCHEMAS)
    async with connected_as(database, database.admin_role) as connection:
        await connection.execute("DELETE FROM public.alembic_version WHERE version_num = 'newcomer_0001'")
    assert await everything(database) == before
