"""What not every server takes: asked for until it is refused, and then left away.

A refusal says so in its own words at every server, so the words are looked at; where they say nothing, what is most
often refused is left away first. A key that may put objects and no tags is refused with AccessDenied.
"""

from collections.abc import Iterable

from services.backup.destinations.s3.refusals import Said
from shared.logging import get_logger

log = get_logger(__name__)

CHECKSUMS, TAGS, PRECONDITIONS = "checksums", "tags", "preconditions"
_WORDS = {CHECKSUMS: ("checksum",), PRECONDITIONS: ("if-none-match", "ifnonematch", "condition"), TAGS: ("tag",)}
_NOT_KNOWN = frozenset(("NotImplemented", "501", "MethodNotAllowed", "405"))
REFUSALS = _NOT_KNOWN | {
    "InvalidArgument", "InvalidRequest", "InvalidTag", "InvalidHeader", "UnsupportedHeader", "AccessDenied", "403",
    "InvalidTagError",
}  # fmt: skip
"""Error codes by which servers refuse a feature; others mean the request itself."""


class Features:
    """What a server takes: ``facts`` has a False for each feature that it refused."""

    def __init__(self, *, tags: bool) -> None:
        self.facts: dict[str, bool] = {} if tags else {TAGS: False}

    def wanted(self, names: Iterable[str]) -> set[str]:
        """Those of the features that were not refused yet."""
        return {name for name in names if self.facts.get(name, True)}

    def blamed(self, said: Said, asked: set[str]) -> str | None:
        """Which of the features that were asked for a refusal means; None: none of them."""
        text = said.message.lower()
        for name, words in _WORDS.items():
            if name in asked and any(word in text for word in words):
                return name
        if said.code in _NOT_KNOWN:
            return next((name for name in _WORDS if name in asked), None)
        return TAGS if said.code in ("AccessDenied", "403") and TAGS in asked else None

    def refuse(self, name: str, named: str) -> None:
        """Leave a feature away from now on."""
        if self.facts.get(name) is not False:
            log.info("a destination does not take this, it is left away", feature=name, destination=named)
        self.facts[name] = False
