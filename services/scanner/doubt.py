"""What a person should decide about a frame's target, in a sentence."""

from collections.abc import Callable

from shared import inert
from shared.events.frame import TargetMatch
from shared.targets.evidence import CONFLICT, HINT

_NEAREST = 2
"""How many of the other candidates are named."""
_SOURCES = {
    "position": "where the telescope pointed alone",
    "folder": "a folder's name",
    "file_name": "the file's own name",
    HINT: "what its source is said to show",
}


def doubt_of(match: TargetMatch, words: str | None, names_an_object: Callable[[str], bool]) -> str | None:
    """Why a match is uncertain; None where it is not.

    ``words`` are the header's OBJECT; ``names_an_object`` says whether a text does.
    """
    if not match.uncertain or match.catalog_id is None:
        return None
    says = f'OBJECT "{inert.name(words)}"' if words else "OBJECT"
    if match.method == CONFLICT:
        elsewhere = "the name of a folder, of the file itself or of its source"
        named = says if words and names_an_object(words) else elsewhere
        return f"the target is in conflict: {named} is not where the telescope pointed; {_taken(match)}"
    return f"the target is a guess from {_SOURCES.get(match.method, says)}; {_taken(match)}"


def _taken(match: TargetMatch) -> str:
    others = " or ".join(one.catalog_id for one in match.candidates[:_NEAREST])
    return f"taken for {match.catalog_id} ({match.confidence:.0%})" + (f", perhaps {others}" if others else "")
