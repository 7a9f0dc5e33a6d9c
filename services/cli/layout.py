"""Tables that fit a terminal: widths first, then lines; words stay whole as long as there is room for them at all."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Noted:
    """A text, such as a path, and what is said of it below; a ``brief`` note is cut to one line."""

    text: str
    note: str
    brief: bool = False


Cell = str | tuple[str, ...] | Noted
"""A text, a list whose items stay whole, or a text with a note."""

GAP = 2
"""Blanks between columns."""
WIDEST_WORD = 24
"""A longer word, such as a path, does not widen its column when room is short."""
NOTE_LINES = 4
"""A longer note ends with an ellipsis."""
ROOM_BELOW = 30
"""A column that may stand below its row does where it would get less, unless it needs less."""
INDENT = 2
"""Blanks before what stands below a row."""
NARROWEST = 8
"""A column that folds is never narrower, whatever becomes of its words."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its title, what it shows of a row, and how it is set.

    A column that may ``fold`` takes several lines where the terminal is narrow, at most ``lines`` of them if that is
    set: then it is a path, which is shortened. It gets ``least`` cells before any other column is left out. Where even
    that does not help, the columns with the highest ``spare`` are left out first; 0 never is. A column that may stand
    ``below`` has lines of its own under the row where there is little room beside the others.
    """

    title: str
    show: Callable[[Mapping[str, Any]], object]
    justify: Literal["left", "right"] = "left"
    fold: bool = False
    spare: int = 0
    lines: int | None = None
    least: int = WIDEST_WORD
    below: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table as lines of text: the titles, the rows below them, and the columns that had no room."""

    head: list[str]
    body: list[str]
    left_out: list[Column]


def layout(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int | None) -> Sheet:
    """The table in ``width`` cells; None: one line per row, as wide as it gets."""
    from shared.words import wrapped

    beside = list(range(len(columns)))
    shown, widths = _widths(columns, rows, width, beside)
    below = [number for number in beside if columns[number].below]
    if width is not None and _is_narrow(columns, rows, shown, widths, below):
        beside = [number for number in beside if number not in below]
        shown, widths = _widths(columns, rows, width, beside)
    else:
        below = []
    chosen = [columns[number] for number in shown]
    head = _set(chosen, widths, [wrapped(column.title, cells) for column, cells in zip(chosen, widths, strict=True)])
    room = (width or 0) - INDENT
    if below:
        head += _indented(wrapped(tuple(columns[number].title for number in below), room))
    body: list[str] = []
    for row in rows:
        cells = [_lines(row[number], cells, columns[number].lines) for number, cells in zip(shown, widths, strict=True)]
        body += _set(chosen, widths, cells)
        for number in below:
            if _length(row[number]):
                body += _indented(_lines(row[number], room, columns[number].lines))
    return Sheet(head, body, [column for number, column in enumerate(columns) if number not in {*shown, *below}])


def _is_narrow(
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    shown: Sequence[int],
    widths: Sequence[int],
    below: Sequence[int],
) -> bool:
    """Whether those that may stand below have too little room beside the others, or the others have none for them."""
    if not below:
        return False
    given = dict(zip(shown, widths, strict=True))
    enough = {n: min(max((_length(row[n]) for row in rows), default=0), ROOM_BELOW) for n in below}
    return len(shown) < len(columns) or any(given[number] < enough[number] for number in below)


def _indented(lines: Sequence[str]) -> list[str]:
    return [" " * INDENT + line for line in lines]


def _set(columns: Sequence[Column], widths: Sequence[int], cells: Sequence[Sequence[str]]) -> list[str]:
    """The lines of one row: each cell's lines below each other, at its side of the column."""
    from rich.cells import cell_len

    found = []
    for number in range(max(map(len, cells), default=0)):
        parts = []
        for column, width, lines in zip(columns, widths, cells, strict=True):
            text = lines[number] if number < len(lines) else ""
            blanks = " " * max(width - cell_len(text), 0)
            parts.append(blanks + text if column.justify == "right" else text + blanks)
        found.append((" " * GAP).join(parts).rstrip())
    return found


def _lines(value: Cell, width: int, most: int | None) -> list[str]:
    from shared.words import clipped, clipped_text, wrapped

    if not isinstance(value, Noted):
        return clipped(value, width, most) if most and isinstance(value, str) else wrapped(value, width)
    if width >= _length(value):
        return [_in_one_line(value)]
    note, room = wrapped(value.note, width), 1 if value.brief else NOTE_LINES
    if len(note) > room:
        note = [*note[: room - 1], *clipped_text(note[room - 1], width)]
    return [*(clipped(value.text, width, most) if most else wrapped(value.text, width)), *note]


def _in_one_line(value: Noted) -> str:
    return f"{value.text}{' ' * GAP}{value.note}"


def _widths(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int | None, beside: Sequence[int]
) -> tuple[list[int], list[int]]:
    """The columns that are shown, by number, and their widths; only those ``beside`` each other count."""
    from shared.words import longest

    shown = list(beside)
    wanted = [max(_length(column.title), *(_length(row[i]) for row in rows), 1) for i, column in enumerate(columns)]
    if width is None:
        return shown, [wanted[number] for number in shown]
    least = []
    for number, column in enumerate(columns):
        words = [_longest(row[number]) if column.fold else _length(row[number]) for row in rows]
        most = column.least if column.fold else max(words, default=0)
        least.append(max(longest(column.title), min(max(words, default=0), most)))
    for number in sorted(shown, key=lambda number: -columns[number].spare):
        if columns[number].spare and _sum(least, shown) > width:
            shown.remove(number)
    while _sum(least, shown) > width:
        widest = max(shown, key=lambda number: least[number] if columns[number].fold else 0)
        if not columns[widest].fold or least[widest] <= NARROWEST:
            break
        least[widest] -= 1
    # What is left makes those columns whole that lack no more than their share of it; the widest ones divide the rest.
    room = width - _sum(least, shown)
    while room > 0 and (short := [number for number in shown if least[number] < wanted[number]]):
        nearest = min(short, key=lambda number: wanted[number] - least[number])
        more = wanted[nearest] - least[nearest]
        if more > room / len(short):
            nearest, more = min(short, key=lambda number: least[number] / wanted[number]), 1
        least[nearest] += more
        room -= more
    return shown, [least[number] for number in shown]


def _sum(widths: Sequence[int], shown: Sequence[int]) -> int:
    return sum(widths[number] for number in shown) + GAP * (len(shown) - 1)


def _longest(value: Cell) -> int:
    from shared.words import longest

    return max(longest(value.text), longest(value.note)) if isinstance(value, Noted) else longest(value)


def _length(value: Cell) -> int:
    from rich.cells import cell_len

    from shared.words import pieces

    if isinstance(value, Noted):
        return cell_len(_in_one_line(value))
    return cell_len(" ".join(pieces(value)))
