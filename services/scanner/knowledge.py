"""What the user told us about equipment and targets, by settings and by decisions, handed to every reader.

It is plain data and becomes JSON, so that a reader process gets it as its first message. A changed setting counts from
the next start of the scanner, a decision from the moment that the scanner hears of it: for files that are read from
then on. ``nightbus reread`` applies both to the others, under a higher scan revision.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.decisions.lookup import NOTHING_DECIDED, Decided, Decisions
from shared.decisions.model import DECISION
from shared.equipment import ninaprofile
from shared.equipment.rigs import Rig
from shared.equipment.setup import Equipment
from shared.equipment.tables import Camera, Telescope
from shared.errors import UserError
from shared.targets.matcher import Matcher
from shared.targets.own import OwnTarget, own_targets
from shared.targets.reading import UNCERTAIN_BELOW

if TYPE_CHECKING:
    from pathlib import Path

    from shared.frames.namepatterns import NamePattern
    from shared.settings import Settings

OWN = "nightbus.toml"
_REVISION_DIGITS = 12


class Loaded(NamedTuple):
    """Knowledge ready for use: what a file's scan asks."""

    matcher: Matcher
    equipment: Equipment
    name_patterns: "tuple[NamePattern, ...]"
    decisions: Decisions
    decisions_revision: int


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The user's cameras, telescopes, rigs, filter aliases and targets, and what people decided.

    ``notes`` are what a person should know.
    """

    cameras: tuple[Camera, ...] = ()
    telescopes: tuple[Telescope, ...] = ()
    rigs: tuple[Rig, ...] = ()
    filters: tuple[tuple[str, str], ...] = ()
    targets: tuple[OwnTarget, ...] = ()
    notes: tuple[str, ...] = ()
    targets_uncertain_below: float = UNCERTAIN_BELOW
    file_patterns: tuple[str, ...] = ()
    decided: Decided = NOTHING_DECIDED

    @classmethod
    def of(cls, settings: "Settings") -> "Knowledge":
        """What the settings say, and the N.I.N.A. profiles that they name.

        Raises:
            UserError: a place of ``scanner.nina_profiles`` is not there or is no profile, or one of
                ``scanner.nina_file_patterns`` is no file pattern.
        """
        from services.scanner.settings import ScannerSettings  # readers need none of it

        notes: list[str] = []
        own = settings.section(ScannerSettings)
        _check_patterns(own.nina_file_patterns)
        mine = tuple(
            Rig(**{**rig.model_dump(), "filters": tuple(rig.filters.items())}, origin=OWN) for rig in settings.rigs
        )
        taken = {rig.name for rig in mine}
        profiles = tuple(rig for rig in _profile_rigs(own.nina_profiles, notes) if rig.name not in taken)
        return cls(
            cameras=tuple(Camera(**one.model_dump(), origin=OWN) for one in settings.cameras),
            telescopes=tuple(Telescope(**one.model_dump(), origin=OWN) for one in settings.telescopes),
            rigs=mine + profiles,
            filters=tuple(settings.filters.items()),
            targets=own_targets(settings.targets),
            notes=tuple(notes),
            targets_uncertain_below=own.targets_uncertain_below,
            file_patterns=own.nina_file_patterns,
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> "Knowledge":
        """What ``to_json`` wrote."""
        found = json.loads(text)
        return cls(
            cameras=tuple(Camera(**_tuples(row)) for row in found["cameras"]),
            telescopes=tuple(Telescope(**_tuples(row)) for row in found["telescopes"]),
            rigs=tuple(Rig(**_tuples(row)) for row in found["rigs"]),
            filters=tuple((alias, name) for alias, name in found["filters"]),
            targets=tuple(OwnTarget(**_tuples(row)) for row in found["targets"]),
            notes=tuple(found["notes"]),
            targets_uncertain_below=found["targets_uncertain_below"],
            file_patterns=tuple(found["file_patterns"]),
            decided=Decided(found["revision"], tuple(map(DECISION.validate_python, found["decisions"]))),
        )

    def to_json(self) -> str:
        """All of it on one line; equal knowledge gives equal text."""
        decided = {
            "revision": self.decided.revision,
            "decisions": [one.model_dump(mode="json") for one in self.decided.decisions],
        }
        plain = asdict(replace(self, decided=NOTHING_DECIDED))
        del plain["decided"]
        return json.dumps(plain | decided, ensure_ascii=False, sort_keys=True)

    def deciding(self, decided: Decided) -> "Knowledge":
        """The same, with what people decided by now."""
        return replace(self, decided=decided)

    @property
    def is_own(self) -> bool:
        """Whether the user told anything by settings that changes what is found in a file."""
        return bool(self.cameras or self.telescopes or self.rigs or self.filters or self.targets or self.file_patterns)

    @property
    def revision(self) -> str:
        """A short hash of the content, for logs: two scanners with the same revision answer alike."""
        return hashlib.sha256(self.to_json().encode("utf-8", "surrogatepass")).hexdigest()[:_REVISION_DIGITS]

    def equipment(self) -> Equipment:
        """The equipment tables with the user's rows in front, and what people decided rigs to be called."""
        decided = Decisions(self.decided.decisions)
        return Equipment(self.cameras, self.telescopes, self.rigs, self.filters, rig_decided=decided.rig_of)

    def matcher(self) -> Matcher:
        """The matcher over the catalogue and the user's targets; loading takes a fraction of a second."""
        return Matcher.load(own=self.targets, uncertain_below=self.targets_uncertain_below)

    def name_patterns(self) -> "tuple[NamePattern, ...]":
        """The readers of the user's own file names."""
        from shared.frames.ninapatterns import compile_pattern  # numpy and Pillow come along, for readers alone

        return tuple(compile_pattern(text) for text in self.file_patterns)

    def load(self) -> Loaded:
        """All of it."""
        return Loaded(
            self.matcher(),
            self.equipment(),
            self.name_patterns(),
            Decisions(self.decided.decisions),
            self.decided.revision,
        )


@cache
def built_in() -> Loaded:
    """What is known without any settings, once per process; loading takes a fraction of a second."""
    return Knowledge().load()


def _check_patterns(patterns: tuple[str, ...]) -> None:
    if not patterns:
        return
    from shared.frames.ninapatterns import compile_pattern  # numpy and Pillow come along

    for text in patterns:
        try:
            compile_pattern(text)
        except ValueError as error:
            raise UserError(f"setting scanner.nina_file_patterns: {error}") from error


def _profile_rigs(profiles: "Sequence[Path]", notes: list[str]) -> Iterator[Rig]:
    """Rigs of the profiles. A damaged file in a folder is a note: N.I.N.A. leaves such files behind after a crash."""
    seen: set[str] = set()
    named = {place for place in profiles if place.is_file()}
    for path in ninaprofile.profiles_at(profiles):
        try:
            profile = ninaprofile.read_profile(path)
        except UserError as error:
            if path in named:
                raise
            notes.append(str(error))
            continue
        rig = ninaprofile.rig_of(profile, path.name)
        if rig is None:
            notes.append(f"the N.I.N.A. profile {profile.name!r} ({path.name}) is no rig: <optic>@f<ratio>+<camera>")
        elif rig.name not in seen:
            seen.add(rig.name)
            yield rig


def _tuples(row: dict[str, Any]) -> dict[str, Any]:
    """A row with JSON's lists as the tuples that they were, also inside."""
    return {key: _frozen(value) for key, value in row.items()}


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
