"""Text in narrow columns: words and list items stay whole, long names break where their parts end.

Widths are terminal cells, of which a Chinese character takes two.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import accumulate

from rich.cells import cell_len, chop_cells

_PART = re.compile(r"[^/_+\-]*[/_+\-]?")
"""A piece of a long word, such as a folder of a path."""


def pieces(value: str | Sequence[str]) -> list[str]:
    """What may not be broken: the words of a text, or the items of a list; a sign alone stays with the word before."""
    if not isinstance(value, str):
        return [*(f"{item}," for item in value[:-1]), *value[-1:]]
    found: list[str] = []
    for word in value.split(" "):
        if found and len(word) == 1 and not word.isalnum():
            found[-1] += f" {word}"
        else:
            found.append(word)
    return found


def longest(value: str | Sequence[str]) -> int:
    """The width that keeps every piece whole."""
    return max(map(cell_len, pieces(value)), default=0)


def wrapped(value: str | Sequence[str], width: int) -> list[str]:
    """The lines of a text or list in ``width`` cells; only a piece that is wider by itself is broken."""
    lines = [""]
    for piece in pieces(value):
        joined = f"{lines[-1]} {piece}" if lines[-1] else piece
        if cell_len(joined) <= width:
            lines[-1] = joined
            continue
        if not lines[-1]:
            lines.pop()
        lines.extend([piece] if cell_len(piece) <= width else _broken(piece, width))
    return lines


def clipped_text(line: str, width: int) -> list[str]:
    """A line that something follows which is not shown: it ends with an ellipsis, within ``width`` cells."""
    while line and cell_len(line) >= width:
        line = line[:-1]
    return [f"{line.rstrip()}…"]


def clipped(path: str, width: int, lines: int) -> list[str]:
    """A path in at most ``lines`` lines: where it is longer it loses folders in front, then the middle of its name."""
    found = wrapped(path, width)
    if len(found) <= lines:
        return found
    most = lines * (width + 1)  # of characters: what is longer is cut without a try, so that no path takes long
    parts = path.split("/")
    near = list(accumulate(len(part) + 1 for part in reversed(parts)))
    if (kept := max(sum(length <= most for length in near), 1)) < len(parts):
        parts = parts[-kept:]
        found = wrapped("/".join(("…", *parts)), width)
    while len(found) > lines and len(parts) > 1:
        del parts[0]
        found = wrapped("/".join(("…", *parts)), width)
    name, left = parts[-1], min(len(parts[-1]), most)
    while len(found) > lines and left > 2:
        left -= 1
        tail = left // 2
        found = wrapped(f"{name[: left - tail]}…{name[-tail:]}", width)
    return found


def _broken(word: str, width: int) -> Iterable[str]:
    line = ""
    for part in filter(None, _PART.findall(word)):
        if cell_len(line + part) <= width:
            line += part
            continue
        if line:
            yield line
        *full, line = chop_cells(part, width)
        yield from full
    yield line
