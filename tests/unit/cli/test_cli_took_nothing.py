"""An import that took nothing: when the command line looks for the reason itself."""

import pytest

from services.cli.ingest import took_nothing
from services.ingest.ledger import FORGOTTEN


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ({"found": 0, "ignored": 0, "ignored_by": {}, "state": "done"}, True),
        ({"found": 2, "ignored": 2, "ignored_by": {".txt": 2}, "state": "done"}, True),
        ({"found": 2, "ignored": 2, "ignored_by": {FORGOTTEN: 2}, "state": "done"}, False),
        ({"found": 2, "ignored": 1, "ignored_by": {".txt": 1}, "state": "done"}, False),
        ({"found": 2, "ignored": 2, "ignored_by": {".txt": 2}, "state": "cancelled"}, False),
    ],
)
def test_what_was_forgotten_is_not_asked_for_again(report: dict[str, object], expected: bool) -> None:
    """Of an import that took nothing the reason is looked for, but not where its counts say it: it was forgotten."""
    assert took_nothing(report) is expected
