"""What a name and a position say together.

A name and a position *agree* when the named object lies in the field, or so near that an unsolved mount may have meant
it (``POINTING_SLACK_DEG`` beyond the field's corner and the object's edge): then the name decides which of the objects
in the field is meant, and is believed more. They *contradict* when it lies farther away. Then

- the position wins where it points at something that people image (probability 0.8 and more). A mount that is parked,
  unsynchronised or homed points at empty sky: of random fields two in a hundred are as sure as that. But OBJECT is
  typed by hand, and stays when the telescope moves on.
- else the name wins, and is believed less: the telescope may have missed, or its position is no position at all.

Either way the method is ``conflict``, the other is kept as a candidate, and the confidence asks for a person.
"""

from collections.abc import Callable
from typing import NamedTuple

from shared.targets.catalogue import SkyObject
from shared.targets.position import Field, Seen, separation_deg, size_arcmin
from shared.targets.reading import Reading

CONFLICT = "conflict"
"""The method of a match whose name and position contradict each other."""

POINTING_SLACK_DEG = 1.0
"""How far a mount may be from where it believes to point, before its first plate solving."""

_DOUBT_INSIDE, _DOUBT_NEAR = 0.25, 0.6
"""What agreement leaves of a name's doubt: inside the field, and within the slack around it."""
_SURE_POSITION = 0.8
_LEAST_POSITION = 0.35
"""A position that is less sure than this names nothing: three objects are alike, or none is likely."""
_POSITION_WINS, _NAME_LOSES = 0.7, 0.3
_NAME_WINS, _FUZZY_WINS = 0.6, 0.4
_FOLDER = 0.9
"""A folder's name counts a little less than a header's: sessions of several targets share one."""
FILE_NAME, LOOSE_FILE_NAME = 0.85, 0.75
"""A file's own name counts less still: its words may be anything, the more so where nothing of a capture is in it."""
HINT = "hint"
"""The method of a match that what the source is said to show has decided."""
_HINT = 0.85
"""What a source is said to show holds for all of its files, and telescopes move on."""


class Finding(NamedTuple):
    """Objects with their confidences (0 to 1), the answer first, and how it was found."""

    pairs: tuple[tuple[SkyObject, float], ...]
    method: str


Look = Callable[[], tuple[Seen, ...]]
"""What the field holds; asked only where it matters, since a name in its field needs no table of the sky."""


def from_name(reading: Reading, field: Field | None, look: Look) -> Finding:
    """The finding on a text that names at least one object."""
    pairs = list(reading.pairs)
    if field is None or pairs[0][0].ra_deg is None:
        return Finding(reading.pairs, reading.method)
    doubts = [_doubt(one, field) for one, _ in pairs]
    placed = [index for index, doubt in enumerate(doubts) if doubt is not None]
    if not placed:
        return _contradiction(reading, look())
    alike = [index for index in placed if pairs[index][1] == pairs[placed[0]][1]]
    chosen = min(alike, key=lambda index: _away_deg(pairs[index][0], field))
    one, sure = pairs.pop(chosen)
    doubt = doubts[chosen] or 1.0
    if len(placed) == 1 and doubt < 1:
        sure = max(sure, reading.pairs[0][1])  # the position has excluded those that came before
    return Finding(((one, _less_doubt(sure, doubt)), *pairs), reading.method)


def from_nameless(
    folder: Reading, field: Field | None, look: Look, *, factor: float = _FOLDER, method: str = "folder"
) -> Finding | None:
    """The finding on a frame whose OBJECT names nothing: by its position, else by its folder; None for neither.

    ``factor`` and ``method`` are those of the file's own name, where ``folder`` is the reading of that.
    """
    seen = look() if field is not None else ()
    placed = seen if seen and seen[0].probability >= _LEAST_POSITION else ()
    if not folder.pairs:
        return Finding(tuple(placed), "position") if placed else None
    named = from_name(folder, field, lambda: placed)
    by_folder = Finding(tuple((one, round(sure * factor, 4)) for one, sure in named.pairs), method)
    if not placed:
        return by_folder if named.method != CONFLICT else Finding(by_folder.pairs, CONFLICT)
    best = placed[0]
    if named.method == CONFLICT:
        rest = ((folder.pairs[0][0], folder.pairs[0][1] * _NAME_LOSES), *placed[1:])
        return Finding(((best.target, best.probability), *rest), "position")
    if named.pairs[0][0] == best.target:
        return Finding(((best.target, _less_doubt(best.probability, _DOUBT_INSIDE)), *placed[1:]), "position")
    if best.probability >= _SURE_POSITION:
        return Finding((*placed, named.pairs[0]), "position")
    return Finding((*by_folder.pairs[:1], *placed), method)


def with_hint(finding: Finding | None, hint: Reading, field: Field | None, look: Look) -> Finding | None:
    """The finding on a frame of which nothing else says for sure what it shows, by what its source is said to show.

    That decides between the objects of a doubtful finding, and stands alone where there is none. Where it is none of
    them it is one more candidate.
    """
    if not hint.pairs:
        return finding
    if finding is None:
        return from_nameless(hint, field, look, factor=_HINT, method=HINT)
    meant, sure = hint.pairs[0]
    others = tuple(pair for pair in finding.pairs if pair[0] != meant)
    if len(others) == len(finding.pairs):
        return finding._replace(pairs=(*finding.pairs, (meant, round(sure * _NAME_LOSES, 4))))
    known = max(confidence for one, confidence in finding.pairs if one == meant)
    return Finding(((meant, max(known, round(sure * _HINT, 4))), *others), HINT)


def _contradiction(reading: Reading, seen: tuple[Seen, ...]) -> Finding:
    named, sure = reading.pairs[0]
    if seen and seen[0].probability >= _SURE_POSITION:
        best = seen[0]
        rest = ((named, round(sure * _NAME_LOSES, 4)), *seen[1:])
        return Finding(((best.target, round(best.probability * _POSITION_WINS, 4)), *rest), CONFLICT)
    factor = _FUZZY_WINS if reading.method == "fuzzy" else _NAME_WINS
    return Finding(((named, round(sure * factor, 4)), *seen), CONFLICT)


def _doubt(one: SkyObject, field: Field) -> float | None:
    """What the position leaves of the doubt in a name: None where it contradicts the name."""
    if one.ra_deg is None:
        return 1.0
    beyond_deg = _away_deg(one, field) - field.reach_deg - size_arcmin(one) / 120
    return _DOUBT_INSIDE if beyond_deg <= 0 else _DOUBT_NEAR if beyond_deg <= POINTING_SLACK_DEG else None


def _away_deg(one: SkyObject, field: Field) -> float:
    away = separation_deg(one, field.ra_deg, field.dec_deg)
    return 180.0 if away is None else away


def _less_doubt(sure: float, doubt: float) -> float:
    return round(1 - (1 - sure) * doubt, 4)
