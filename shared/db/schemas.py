"""The SQL files of schemas: a chain of pairs ``NNNN.up.sql`` and ``NNNN.down.sql`` in the folder of each service.

They are numbered from 0001 without a gap. ``revisions`` makes alembic's revisions of them.
"""

import re
from collections.abc import Mapping
from pathlib import Path

VERSION_SCHEMA = "public"
"""Where alembic keeps at which revisions a database is."""
_FILE = re.compile(r"(\d{4})\.(up|down)\.sql")


def numbers(folder: Path) -> list[str]:
    """The numbers of a schema's files, in order.

    Raises:
        ValueError: the folder is empty or away, a number or half of a pair is missing, or it holds something else.
    """
    names = [file.name for file in folder.iterdir()] if folder.is_dir() else []
    if strangers := [name for name in names if _FILE.fullmatch(name) is None]:
        raise ValueError(f"{folder / min(strangers)} is not called NNNN.up.sql or NNNN.down.sql")
    found = [f"{number:04}" for number in range(1, len(names) // 2 + 1)]
    wanted = {f"{number}.{way}.sql" for number in found for way in ("up", "down")}
    if not names or wanted != set(names):
        raise ValueError(f"the files of {folder} are not pairs NNNN.up.sql and NNNN.down.sql from 0001 without a gap")
    return found


def heads(schemas: Mapping[str, Path]) -> frozenset[str]:
    """The latest revision of each schema, such as ``stats_0015``.

    Raises:
        ValueError: as for ``numbers``.
    """
    return frozenset(f"{schema}_{numbers(folder)[-1]}" for schema, folder in schemas.items())
