"""The form of a proper name in which two spellings of it are the same."""

import re
import unicodedata

_ARTICLES = frozenset({"the", "der", "die", "das", "le", "la", "les", "il", "lo", "el", "los", "las", "het"})
_UNDIVIDED = str.maketrans(
    {
        "ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "đ": "d", "ı": "i",
        "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta", "θ": "theta",
        "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi", "ο": "omicron", "π": "pi",
        "ρ": "rho", "σ": "sigma", "τ": "tau", "υ": "upsilon", "φ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega",
    }
)  # fmt: skip
"""Letters that Unicode does not take apart, and the Greek ones of stars."""
_LATIN = re.compile(r"[a-z0-9]+")
_ANY_SCRIPT = re.compile(r"[a-z0-9]+|[\u3041-\u30ff\u3400-\u9fff]+")
"""Japanese and Chinese have no blanks: a run of their characters is one word."""


def words(text: str) -> list[str]:
    """The words of a name without case, accents and punctuation; ``&`` is "and", and apostrophes do not divide."""
    text = text.replace("'", "").replace("&", " and ")
    if text.isascii():
        return _LATIN.findall(text.casefold())
    plain = unicodedata.normalize("NFKD", text.replace("’", "").translate(_UNDIVIDED)).casefold()
    return _ANY_SCRIPT.findall("".join(character for character in plain if not unicodedata.combining(character)))


def key(text: str) -> str:
    """A name without case, accents, blanks, punctuation and a leading article: ``The Cats-eye Nebula``."""
    found = words(text)
    if len(found) > 1 and found[0] in _ARTICLES:
        found = found[1:]
    return "".join(found)
