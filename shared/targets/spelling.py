"""The form of a proper name in which two spellings of it are the same."""

import re
import unicodedata

_ARTICLES = frozenset({"the", "der", "die", "das", "le", "la", "les", "il", "lo", "el", "los", "las"})


def words(text: str) -> list[str]:
    """The words of a name without case, accents and punctuation; ``&`` is "and", and apostrophes do not divide."""
    plain = unicodedata.normalize("NFKD", text).replace("'", "").replace("’", "").replace("&", " and ").casefold()
    return re.findall(r"[a-z0-9]+", "".join(character for character in plain if not unicodedata.combining(character)))


def key(text: str) -> str:
    """A name without case, accents, blanks, punctuation and a leading article: ``The Cats-eye Nebula``."""
    found = words(text)
    if len(found) > 1 and found[0] in _ARTICLES:
        found = found[1:]
    return "".join(found)
