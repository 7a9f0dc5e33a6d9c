"""What a check of the counts did not compare, in words: the same in `stats check`, `stats rebuild` and `status`."""

import math
from collections.abc import Mapping
from typing import Any

from services.cli.output import counted


def not_compared_text(row: Mapping[str, Any], *, than: str = "ago") -> str | None:
    """Which files a check left out and when they are compared, or None where it left out none.

    ``than``: what "less than 10 minutes" is counted from.
    """
    if row["compared_until"] is None:
        return "the files were not compared; `nightbus stats check` does that"
    if not row["not_compared"]:
        return None
    minutes = math.ceil((row["started_at"] - row["compared_until"]).total_seconds() / 60)
    were = "was" if row["not_compared"] == 1 else "were"
    files = counted(row["not_compared"], "file")
    text = f"{files} that arrived less than {counted(minutes, 'minute')} {than} {were} not compared"
    return f"{text}; a further check does that at {row['again_at']:%H:%M} UTC" if row["again_at"] else text
