"""All decisions together, ready to be asked: what a name means, which target stays, what a rig is called."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from shared.decisions.model import Decision, RigNamed, TargetNamed, TargetsMerged, target_key
from shared.equipment.rigs import rig_key
from shared.events.values import LONGEST_WORD
from shared.targets.decoration import strip, tidy

_CACHED_NAMES = 4096


@dataclass(frozen=True, slots=True)
class Decided:
    """Every decision up to a number; numbers grow with each."""

    revision: int = 0
    decisions: tuple[Decision, ...] = ()


NOTHING_DECIDED = Decided()


class Decisions:
    """Answers from decisions. Immutable apart from its cache: thousands of frames bear one name."""

    def __init__(self, decisions: Iterable[Decision] = ()) -> None:
        self._targets: dict[str, str] = {}
        self._merged: dict[str, str] = {}
        self._rigs: dict[str, str] = {}
        for one in decisions:
            if isinstance(one, TargetNamed):
                self._targets[one.about] = one.catalog_id
            elif isinstance(one, TargetsMerged):
                self._merged[one.about] = one.into
            elif isinstance(one, RigNamed):
                self._rigs[one.about] = one.rig
        self._meant = lru_cache(maxsize=_CACHED_NAMES)(self._target_of)

    def target_of(self, name: str | None) -> str | None:
        """The object that somebody decided a name to mean; as it is written, else without its decoration."""
        return self._meant(name) if name and self._targets and len(name) <= LONGEST_WORD else None

    def _target_of(self, name: str) -> str | None:
        plain = tidy(name)
        found = self._targets.get(target_key(plain))
        return found if found is not None else self._targets.get(target_key(strip(plain)))

    def survivor_of(self, catalog_id: str) -> str:
        """The target that a target was merged into, and that one, and so on; itself where it was not."""
        passed = {catalog_id}
        while (into := self._merged.get(catalog_id)) is not None and into not in passed:
            catalog_id = into
            passed.add(into)
        return catalog_id

    def circle(self) -> str | None:
        """An id that would be merged into itself, by whatever way; None where there is none."""
        for first in self._merged:
            seen, one = {first}, self._merged.get(first)
            while one is not None and one not in seen:
                seen.add(one)
                one = self._merged.get(one)
            if one is not None:
                return one
        return None

    def rig_of(self, name: str) -> str | None:
        """What somebody decided a rig to be called."""
        return self._rigs.get(rig_key(name)) if self._rigs else None
