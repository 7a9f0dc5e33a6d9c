"""Alembic's revisions, made in memory from the SQL files of the services.

A revision is called ``<schema>_<NNNN>``, the schema is the label of its branch, and the first line of ``up`` says in a
sentence what it brings.

Alembic itself reads Python files from a folder. `Revisions` puts these in their place; it is the only module that uses
parts of alembic that its documentation does not promise (``_load_revisions``, ``_upgrade_revs``, ``_downgrade_revs``).
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection

from shared.db.schemas import VERSION_SCHEMA, numbers
from shared.db.templates import expand

Run = Callable[[str, str], None]
"""Runs the SQL of a revision; it is given the revision's id and the text."""


class Revisions(ScriptDirectory):
    """All revisions of some schemas, given as the folder of each by its name."""

    def __init__(self, schemas: Mapping[str, Path]) -> None:
        super().__init__(str(Path(__file__).parent))
        self._schemas = schemas

    def upgrade(self, connection: Connection, target: str, run: Run) -> None:
        """Go up to ``target``, such as ``heads``, in the caller's transaction."""
        self._go(connection, lambda heads, _: self._upgrade_revs(target, heads), run)

    def downgrade(self, connection: Connection, target: str, run: Run) -> None:
        """Go down to ``target``, such as ``stats@base``, in the caller's transaction."""
        self._go(connection, lambda heads, _: self._downgrade_revs(target, heads), run)

    def unknown(self, connection: Connection) -> list[str]:
        """Revisions at which the database is, and which are not among these."""
        context = MigrationContext.configure(connection, opts={"version_table_schema": VERSION_SCHEMA})
        known = {script.revision for script in self.walk_revisions()}
        return sorted(set(context.get_current_heads()) - known)

    def _go(self, connection: Connection, steps: Callable[[Any, MigrationContext], Any], run: Run) -> None:
        with EnvironmentContext(Config(), self, fn=steps) as environment:
            environment.configure(connection=connection, version_table_schema=VERSION_SCHEMA)
            environment.run_migrations(run=run)

    def _load_revisions(self) -> Iterator[Script]:
        for schema, folder in self._schemas.items():
            before: str | None = None
            for number in numbers(folder):
                script = _script(schema, folder, number, before)
                yield script
                before = script.revision


def _script(schema: str, folder: Path, number: str, before: str | None) -> Script:
    revision = f"{schema}_{number}"

    def going(way: str) -> Callable[[Run], None]:
        def go(run: Run) -> None:
            run(revision, expand((folder / f"{number}.{way}.sql").read_text(), schema))

        return go

    file = folder / f"{number}.up.sql"
    with file.open() as lines:
        module = ModuleType(revision, lines.readline().removeprefix("-- ").rstrip())
    vars(module).update(
        revision=revision,
        down_revision=before,
        branch_labels=None if before else (schema,),
        depends_on=None,
        upgrade=going("up"),
        downgrade=going("down"),
    )
    return Script(module, revision, file)
