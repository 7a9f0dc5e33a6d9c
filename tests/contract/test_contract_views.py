"""A view's columns are a contract: what is taken away or changed is told, what is added is not."""

import pytest

from tests.contract import views
from tests.contract.views import Column, breaks, columns_of

OLD = {"stats.files": {"file_id": "text", "size_bytes": "bigint"}, "stats.counts": {"files": "bigint"}}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, []),
        ({"stats.files": {**OLD["stats.files"], "night": "date"}}, []),
        ({"stats.new": {"one": "text"}}, []),
        ({"stats.files": {"file_id": "text"}}, ["stats.files.size_bytes was removed"]),
        (
            {"stats.files": {"file_id": "text", "size_bytes": "integer"}},
            ["stats.files.size_bytes has changed its type: bigint became integer"],
        ),
    ],
)
def test_only_additions_break_nothing(change: dict[str, dict[str, str]], told: list[str]) -> None:
    """A column that is removed or has another type breaks readers; one that is added does not."""
    assert breaks(OLD, {**OLD, **change}) == told


def test_a_view_that_is_gone_is_told() -> None:
    """Whoever reads a view that is there no more is broken."""
    assert breaks(OLD, {"stats.files": OLD["stats.files"]}) == ["the view stats.counts was removed"]


def test_the_page_names_each_column_once() -> None:
    """A view is a heading with its meaning, a column a row with its type and its meaning."""
    found = [
        Column("stats.files", "Contract: every file.", "file_id", "text", "Its id."),
        Column("stats.files", "Contract: every file.", "state", "text", "one | two"),
    ]
    page = views.render(found)
    assert "## stats.files\n\nEvery file.\n\n| Column | Type | Meaning |\n|---|---|---|\n" in page
    assert page.endswith("| `file_id` | text | Its id. |\n| `state` | text | one \\| two |\n")
    assert columns_of(found) == {"stats.files": {"file_id": "text", "state": "text"}}


def test_the_kept_columns_are_those_of_the_page() -> None:
    """docs/views.md and the promised columns are written together."""
    page = views.PAGE.read_text()
    promised = views.kept()
    assert len(promised) > 25
    for view, columns in promised.items():
        section = page.partition(f"## {view}\n")[2].partition("\n## ")[0]
        rows = [line for line in section.splitlines() if line.startswith("| `")]
        assert [row.split(" | ")[0] for row in rows] == [f"| `{column}`" for column in columns], view
        assert all(row.split(" | ")[1] == kind for row, kind in zip(rows, columns.values(), strict=True)), view
