"""How much room the roots have, as `status` says it."""

from collections.abc import Sequence

from services.cli.output import Row
from shared import inert
from shared.quantities import size

SPACE = """
SELECT root, kind, path, free_bytes, disk_bytes, night_bytes, nights_left, measured_at FROM ingest.root_space
ORDER BY kind = 'library' DESC, kind, root
"""
FEW_NIGHTS = 14
"""What is enough for fewer nights is said with an exclamation mark."""


def space_lines(rows: Sequence[Row]) -> list[str]:
    """A line for each root: what is free, and for how many nights like the last ones it is enough."""
    return [inert.sentence(_line(row)) for row in rows]


def nights(left: float) -> str:
    """A forecast in words: no digits that it cannot hold."""
    return "more than 1000 nights" if left > 1000 else f"{left:.1f} nights" if left < 10 else f"{left:.0f} nights"


def _line(row: Row) -> str:
    text = f"disk of {row['root']}: {size(row['free_bytes'])} of {size(row['disk_bytes'])} free"
    left = row["nights_left"]
    if left is None:
        return text
    text = f"{text}, enough for {nights(left)} of {size(row['night_bytes'])}"
    return f"! {text}" if left < FEW_NIGHTS else text
