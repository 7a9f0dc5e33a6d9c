"""How much of everything archives have: one row of the database, and one line for a person."""

from typing import TYPE_CHECKING

from services.cli.output import Row, counted
from shared.quantities import duration, size

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

COVERED = """
SELECT files, size_bytes, archived, archived_bytes, unprotected, unprotected_bytes, unreadable, unreadable_bytes,
       nights, counted_at, (SELECT count(*)::int FROM backup.destinations WHERE state <> 'unused') AS destinations
FROM backup.coverages WHERE destination = ''
"""

NOT_YET = (
    "what is unprotected waits until its night is finished (`nightbus sessions`); files that belong to none wait two "
    "days (backup.arrival_wait_s)"
)
"""Why files are in no archive although nothing is under way, waits for a destination, or has failed."""


def not_counted(look_interval_s: float | None) -> str:
    """That archives were made since files were last counted; ``None``: how often they are is not known here."""
    often = "" if look_interval_s is None else f" every {duration(look_interval_s)}"
    return f"archives were made since this was counted, which is done{often} (backup.look_interval_s)"


def covered_text(row: "Row | asyncpg.Record | None") -> str:
    """How much is protected, in one line; without a destination there is nothing to be alarmed about."""
    if row is None:
        return "backup has not counted yet what is unprotected"
    nights = f" in {counted(row['nights'], 'night')}" if row["nights"] else ""
    if not row["destinations"]:
        files = f"{counted(row['unprotected'], 'file')}{nights} {'is' if row['unprotected'] == 1 else 'are'}"
        return f"no destination is set: {files} unprotected; `nightbus backup setup`"
    text = f"{counted(row['files'], 'file')} = {row['archived']} archived + {row['unprotected']} unprotected"
    if row["unprotected"]:
        text += f" ({size(row['unprotected_bytes'])}{nights})"
    return f"{text} + {row['unreadable']} that can be read nowhere" if row["unreadable"] else text


def made_since_counted(covered: "Row | asyncpg.Record | None", destinations: "Sequence[Row]") -> bool:
    """Whether a destination has an archive that was verified after everything was last counted."""
    if covered is None:
        return False
    return any(one["verified_at"] is not None and one["verified_at"] > covered["counted_at"] for one in destinations)
