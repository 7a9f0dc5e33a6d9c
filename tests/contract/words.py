"""docs/glossary.md as data: the words that the contract does not use."""

import re
from pathlib import Path

GLOSSARY = Path(__file__).parents[2] / "docs" / "glossary.md"
_ROW = re.compile(r"^\| \*\*(?P<word>[^*]+)\*\* \| (?P<meaning>[^|]+) \| (?P<avoided>[^|]*) ?\|$")


def rows() -> dict[str, tuple[str, str]]:
    """Meaning and last column of each word."""
    found = [match for line in GLOSSARY.read_text().splitlines() if (match := _ROW.match(line))]
    return {match["word"]: (match["meaning"].strip(), match["avoided"].strip()) for match in found}


def avoided() -> list[str]:
    """The words that are used nowhere in the contract."""
    return sorted({word for _, others in rows().values() for word in re.findall(r"`([^`]+)`", others)})


def used(text: str) -> list[str]:
    """Avoided words that a text has, also in the plural and as parts of names, with what surrounds them."""
    plain = " ".join(text.split())
    found = (re.finditer(rf"(?<![a-z]){re.escape(word)}s?(?![a-z])", plain, re.IGNORECASE) for word in avoided())
    return [plain[max(0, match.start() - 30) : match.end() + 30] for matches in found for match in matches]
