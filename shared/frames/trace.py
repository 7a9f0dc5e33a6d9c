"""A record of what each fact was read from, kept only when somebody asks for it (`provenance.py` puts it into words).

The readers name the fact that they are about to look up (`Keys.about`); with a `Trace`, the keywords, path facts and
dialect rules that answer are noted under that name. Without one nothing is noted and nothing is paid.
"""

from dataclasses import dataclass, field, fields
from typing import Any, Self, cast

from shared.frames.dialects import RULES, Dialect
from shared.frames.keys import Keys
from shared.frames.paths import PathFacts

_PATH_FACTS = frozenset(fact.name for fact in fields(PathFacts))


@dataclass(slots=True)
class Origins:
    """What answered for one fact, in the order of asking."""

    keywords: list[str] = field(default_factory=list)
    path_facts: list[str] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Trace:
    """What was noted while one file was read.

    ``facts`` is by the names of FrameMetadata (and ``reported.<name>``); ``filled`` are the facts that the equipment
    tables gave, and which row did; ``name_facts`` and ``folder_facts`` tell a path's
    parts apart; ``side_row`` says that N.I.N.A.'s side file has a row for the image.
    """

    facts: dict[str, Origins] = field(default_factory=dict)
    dialect: Dialect | None = None
    name_facts: dict[str, object] = field(default_factory=dict)
    folder_facts: dict[str, object] = field(default_factory=dict)
    side_row: bool = False
    filled: dict[str, str] = field(default_factory=dict)
    fields: tuple[str, ...] = ()

    def keys(self, keys: Keys) -> Keys:
        """The header's keywords, noting which of them answer."""
        return _TracedKeys(keys, self)

    def rows(self, dialect: Dialect) -> Dialect:
        """The dialect, noting which of its rules are asked for and switched on."""
        self.dialect = dialect
        return cast("Dialect", _Traced(dialect, self, "rules", frozenset(RULES)))

    def path(self, path: PathFacts) -> PathFacts:
        """The path's facts, noting which are asked for and known."""
        return cast("PathFacts", _Traced(path, self, "path_facts", _PATH_FACTS))

    def note(self, kind: str, name: str) -> None:
        """Note an origin for the facts that are being looked up."""
        for fact in self.fields:
            noted: list[str] = getattr(self.facts.setdefault(fact, Origins()), kind)
            if name not in noted:
                noted.append(name)


class _TracedKeys(Keys):
    def __init__(self, keys: Keys, trace: Trace) -> None:
        super().__init__(keys.raw, keys.cards)
        self._trace = trace

    def about(self, *facts: str) -> Self:
        self._trace.fields = facts
        return self

    def used(self, keyword: str) -> None:
        self._trace.note("keywords", keyword)


class _Traced:
    """Stands in for a dataclass and notes those of its attributes that are read and hold something."""

    def __init__(self, of: object, trace: Trace, kind: str, noted: frozenset[str]) -> None:
        self._of, self._trace, self._kind, self._noted = of, trace, kind, noted

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._of, name)
        if found and name in self._noted:
            self._trace.note(self._kind, name)
        return found
