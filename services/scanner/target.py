"""Which object a scanned frame shows: its header's name, where it points, its folders and its own name are asked.

What people decided goes before all but the id that the sender gives: the name of the header means what they said, and
where that names nothing, the names of the folders and of the file do; where these leave it open, so does what the
source is said to show. Whatever shows a target that was merged counts for the one that stayed.
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path, PurePosixPath

from services.scanner.doubt import doubt_of
from services.scanner.knowledge import Loaded
from shared.decisions.lookup import Decisions
from shared.equipment.setup import Equipment
from shared.equipment.telescopes import telescope_key
from shared.events.file import Hints
from shared.events.frame import FrameMetadata, TargetMatch
from shared.frames.read import ObjectGuess
from shared.targets.designation import parse
from shared.targets.evidence import CONFLICT, HINT

_FOLDERS_WITHOUT_ROOT = 4
PERSON = "person"
"""``method`` of a match that somebody decided."""
_BY_HEADER = frozenset({"designation", "name", "fuzzy", CONFLICT})
"""Methods that rest on the header's name, where there is one."""
_LEFT_OPEN = frozenset({HINT, "none"})
"""Methods of a match that nothing about the frame itself told."""


def target_of(
    known: Loaded,
    frame: FrameMetadata,
    guess: ObjectGuess | None,
    folders: tuple[str, ...],
    hints: Hints,
    problems: list[str],
) -> TargetMatch | None:
    """The match of a frame; None for calibration frames, which show nothing.

    ``guess`` is what the file's own name may call its object, where the header does not say it; ``folders`` are those
    below the root. A catalogue id among the ``hints`` is the sender's word; a target there counts least of all.
    ``problems`` gets a sentence where a person should decide.
    """
    if frame.frame_type.is_calibration:
        return None
    of_header = None if guess is not None and frame.object_name == guess.words else frame.object_name
    file_name = guess.words if guess is not None else None

    def matched(catalog_id: str | None) -> TargetMatch:
        return known.matcher.match(
            of_header,
            ra_deg=frame.ra_deg,
            dec_deg=frame.dec_deg,
            width_deg=_side_deg(frame.width_px, frame.pixel_scale_arcsec),
            height_deg=_side_deg(frame.height_px, frame.pixel_scale_arcsec),
            hints_catalog_id=catalog_id,
            folder=_without_equipment(folders, known.equipment),
            file_name=file_name,
            file_name_is_loose=guess is not None and guess.loose,
            hint=hints.target,
        )

    match = matched(hints.catalog_id)
    places = (*reversed(folders), file_name, hints.target if match.method in _LEFT_OPEN else None)
    if (decided := _decided(known.decisions, match, of_header, places)) is not None:
        match = matched(decided).model_copy(update={"method": PERSON})
    match = _merged(known.decisions, match, matched)
    doubt = doubt_of(match, of_header, lambda text: known.matcher.match(text).catalog_id is not None)
    if doubt is not None:
        problems.append(doubt)
    return match


def _decided(decisions: Decisions, match: TargetMatch, words: str | None, places: tuple[str | None, ...]) -> str | None:
    """What somebody decided the frame's name to mean; of several ``places`` that name it the first."""
    if match.method == "given":
        return None
    if (decided := decisions.target_of(words)) is not None:
        return decided
    if words and match.method in _BY_HEADER:
        return None
    return next((one for place in places if (one := decisions.target_of(place)) is not None), None)


def _merged(decisions: Decisions, match: TargetMatch, matched: Callable[[str], TargetMatch]) -> TargetMatch:
    """The match with the target that stayed, as sure as it was of the one that went."""
    if match.catalog_id is None or (into := decisions.survivor_of(match.catalog_id)) == match.catalog_id:
        return match
    stayed = matched(into)
    return match.model_copy(
        update={"catalog_id": stayed.catalog_id, "name": stayed.name, "separation_deg": stayed.separation_deg}
    )


def folders_of(relative_path: str | None, path: Path) -> tuple[str, ...]:
    """The folders above the file and below its root; where no root is known, the nearest few."""
    if relative_path is None:
        return path.parent.parts[-_FOLDERS_WITHOUT_ROOT:]
    return PurePosixPath(relative_path.replace("\\", "/")).parent.parts


@lru_cache(maxsize=1024)  # thousands of frames share a folder
def _without_equipment(folders: tuple[str, ...], equipment: Equipment) -> str | None:
    return "/".join(one for one in folders if parse(one) is not None or not _is_equipment(one, equipment)) or None


def _is_equipment(folder: str, equipment: Equipment) -> bool:
    """Whether a folder is named after a camera, a filter or a telescope, as in ``M 51/ASI2600MM/L-eXtreme``."""
    if equipment.cameras.named(folder).facts is not None:
        return True
    if equipment.filters.canonical(folder) not in {None, " ".join(folder.split())}:
        return True
    scope = equipment.telescopes.named(folder)
    return scope is not None and telescope_key(folder) in map(telescope_key, (scope.name, *scope.aliases))


def _side_deg(side_px: int | None, scale_arcsec: float | None) -> float | None:
    return None if side_px is None or scale_arcsec is None else side_px * scale_arcsec / 3600
