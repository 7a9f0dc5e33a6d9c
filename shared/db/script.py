"""Running a migration's SQL script on alembic's connection."""

from pathlib import Path
from typing import cast

from alembic import op
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_connection

SCRIPTS = Path(__file__).parent / "sql"


def run_script(schema: str, name: str, direction: str) -> None:
    """Run ``sql/<schema>/<name>.<up|down>.sql``, several statements at once, in alembic's transaction."""
    text = (SCRIPTS / schema / f"{name}.{direction}.sql").read_text()
    driver = cast(AsyncAdapt_asyncpg_connection, op.get_bind().connection.dbapi_connection)
    driver.run_async(lambda connection: connection.execute(text))
