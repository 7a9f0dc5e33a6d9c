"""Running a migration's SQL script on alembic's connection."""

from pathlib import Path
from typing import cast

from alembic import op
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_connection

SCRIPTS = Path(__file__).parent / "sql"


def run_script(schema: str, name: str, direction: str) -> None:
    """Run ``sql/<schema>/<name>.<up|down>.sql``, several statements at once, in alembic's transaction."""
    _run((SCRIPTS / schema / f"{name}.{direction}.sql").read_text())


def make_jobs(table: str, *, key: str = "job_id") -> None:
    """Make a table of jobs (``shared.jobs``) out of ``<schema>.<table>``, which exists and has a key of type uuid.

    Columns of the job that are there already are kept with their values, which must be what the template allows. The
    view ``<table>_progress`` is made as well; what goes down is the table's own script to say.
    """
    _run(jobs_script(table, key=key))


def jobs_script(table: str, *, key: str = "job_id") -> str:
    """The SQL of `make_jobs`."""
    schema, _, name = table.partition(".")
    template = (SCRIPTS / "jobs" / "0001.up.sql").read_text()
    return template.format(table=f"{schema}.{name}", name=name, kind=name, key=key)


def _run(text: str) -> None:
    driver = cast(AsyncAdapt_asyncpg_connection, op.get_bind().connection.dbapi_connection)
    driver.run_async(lambda connection: connection.execute(text))
