"""Which rig took a frame: a row of the user's or of a N.I.N.A. profile, else the name that follows from the header."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from shared.equipment.cameras import same_camera
from shared.equipment.filters import filter_key
from shared.equipment.telescopes import telescope_key

FOCAL_LENGTH_TOLERANCE = 0.03
"""Relative: plate solvers and focusers move a focal length by a per cent or two."""
_SIZE_TOLERANCE = 0.01
"""Relative: binning drops incomplete pixels, and drivers crop borders."""


@dataclass(frozen=True, slots=True)
class Rig:
    """A rig and how it is recognised; None is 'any'.

    ``filters`` are (as written, canonical) pairs; ``wheel`` are the names of its filter wheel's positions.
    """

    name: str
    aliases: tuple[str, ...] = ()
    camera: str | None = None
    width_px: int | None = None
    height_px: int | None = None
    focal_length_mm: float | None = None
    focal_length_tolerance: float = FOCAL_LENGTH_TOLERANCE
    telescope: str | None = None
    focal_ratio: float | None = None
    filters: tuple[tuple[str, str], ...] = ()
    wheel: tuple[str, ...] = ()
    origin: str = "built-in"
    from_profile: bool = False

    def filter_names(self) -> dict[str, str]:
        """Its filters by ``filter_key``."""
        return {filter_key(raw): name for raw, name in self.filters}


class RigSigns(NamedTuple):
    """What a frame shows of its rig; sizes are unbinned. ``label`` is the rig's name by the header."""

    label: str | None
    camera: str | None
    width_px: int | None
    height_px: int | None
    focal_length_mm: float | None
    telescope: str | None


def find_rig(rigs: Sequence[Rig], signs: RigSigns) -> tuple[Rig | None, tuple[Rig, ...]]:
    """The rig that fits best, and the several that fit equally well where none is the best.

    A rig whose name or alias is the frame's label is that rig. Otherwise nothing that the rig states may contradict the
    frame, and what confirms it counts: the camera (more for its full name), the sensor's size, the focal length within
    its tolerance, the telescope's name. The user's rigs are asked before those of profiles.
    """
    for from_profile in (False, True):
        tier = [rig for rig in rigs if rig.from_profile is from_profile]
        if signs.label is not None:
            label = rig_key(signs.label)
            for rig in tier:
                if label in {rig_key(name) for name in (rig.name, *rig.aliases)}:
                    return rig, ()
        scored = [(score, rig) for rig in tier if (score := _score(rig, signs)) > 0]
        if scored:
            best = max(score for score, _rig in scored)
            found = tuple(rig for score, rig in scored if score == best)
            return (found[0], ()) if len(found) == 1 else (None, found)
    return None, ()


def rig_name(telescope: str | None, focal_ratio: float | None, camera: str | None) -> str | None:
    """``<optic>@f<ratio>+<camera>``, or as much of it as is known; None without a camera."""
    if camera is None or telescope is None:
        return camera
    optic = telescope if focal_ratio is None else f"{telescope}@f{f'{focal_ratio:.1f}'.removesuffix('.0')}"
    return f"{optic}+{camera}"


def rig_key(name: str) -> str:
    """A rig's name without case and blanks."""
    return "".join(name.lower().split())


def _score(rig: Rig, signs: RigSigns) -> int:
    """How much confirms that this rig took the frame; 0 for no or for nothing."""
    score, states_more = 0, False
    if rig.camera is not None:
        states_more = True
        if signs.camera is not None:
            alike = same_camera(rig.camera, signs.camera)
            if not alike:
                return 0
            score += alike
    for stated, shown, tolerance in (
        (rig.width_px, signs.width_px, _SIZE_TOLERANCE),
        (rig.height_px, signs.height_px, _SIZE_TOLERANCE),
        (rig.focal_length_mm, signs.focal_length_mm, rig.focal_length_tolerance),
    ):
        if stated is None:
            continue
        states_more = True
        if shown is not None:
            if abs(shown - stated) > tolerance * stated + 1e-9:
                return 0
            score += 2
    alike_telescopes = (
        rig.telescope is not None
        and signs.telescope is not None
        and telescope_key(rig.telescope) == telescope_key(signs.telescope)
    )
    if rig.from_profile and not (alike_telescopes or _same_focus(rig, signs)):
        return 0
    if alike_telescopes and (score or not states_more):
        score += 1
    return score


def _same_focus(rig: Rig, signs: RigSigns) -> bool:
    return rig.focal_length_mm is not None and signs.focal_length_mm is not None
