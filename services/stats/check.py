"""What a total that is not as the frames say tells: what differs, and whether rather a frame is wrong."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

COUNTS = frozenset({"files", "sky_files", "exposures", "integration_ms", "size_bytes", "sessions"})


@dataclass(frozen=True, slots=True)
class Difference:
    """A row of a table of totals that is not what the frames say. Values are text, by column; None where no row is."""

    table: str
    key: str
    session_id: str | None
    stored: dict[str, str | None] | None
    expected: dict[str, str | None] | None

    @property
    def sentence(self) -> str:
        """What differs, for a person."""
        row = f"{self.table} {self.key}"
        if self.stored is None:
            return f"{row}: the row is missing"
        if self.expected is None:
            return f"{row}: there is a row, and no frame stands behind it"
        parts = (
            f"{name} is {self.stored[name]}, the frames say {value}"
            for name, value in self.expected.items()
            if self.stored[name] != value
        )
        return f"{row}: {'; '.join(parts)}"

    @property
    def only_less(self) -> bool:
        """Whether the frames say less than the row in every count: as when frames were lost."""
        stored, expected = self.stored or {}, self.expected or {}
        return self.stored is not None and all(
            int(expected.get(name) or 0) <= int(value or 0) for name, value in stored.items() if name in COUNTS
        )


def suspects(found: Iterable[Difference]) -> list[str]:
    """Sessions of which rather a frame is wrong than a total: totals that are kept apart contradict their frames alike.

    Where one row alone differs, that row is wrong; where rows are only missing, they were lost; where the frames say
    less in every count, frames were lost. All others may hold a frame that was spoilt.
    """
    by_session: dict[str, list[Difference]] = defaultdict(list)
    for one in found:
        if one.session_id is not None:
            by_session[one.session_id].append(one)
    return sorted(
        session_id
        for session_id, rows in by_session.items()
        if len(rows) > 1 and any(row.stored is not None for row in rows) and not all(row.only_less for row in rows)
    )
