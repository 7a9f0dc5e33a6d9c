"""How much room the roots have, in words."""

from typing import Any

import pytest

from services.cli.space import space_lines

GB = 10**9


def row(nights_left: float | None, root: str = "library") -> dict[str, Any]:
    """A root with 100 of 1000 GB free and nights of 2.5 GB."""
    return {
        "root": root,
        "free_bytes": 100 * GB,
        "disk_bytes": 1000 * GB,
        "night_bytes": None if nights_left is None else 5 * GB // 2,
        "nights_left": nights_left,
    }


@pytest.mark.parametrize(
    ("nights_left", "line"),
    [
        (None, "disk of library: 100.0 GB of 1.0 TB free"),
        (40.2, "disk of library: 100.0 GB of 1.0 TB free, enough for 40 nights of 2.5 GB"),
        (4000.0, "disk of library: 100.0 GB of 1.0 TB free, enough for more than 1000 nights of 2.5 GB"),
        (2.34, "! disk of library: 100.0 GB of 1.0 TB free, enough for 2.3 nights of 2.5 GB"),
    ],
)
def test_a_root_says_for_how_many_nights_there_is_room(nights_left: float | None, line: str) -> None:
    """What is free, of how much, and the forecast where there is one; few nights are marked."""
    assert space_lines([row(nights_left)]) == [line]


def test_names_are_inert() -> None:
    """A root's name moves no terminal."""
    assert "\x1b" not in space_lines([row(None, "a\x1b[31m")])[0]
