"""One file to facts: header, star quality, target. Pure: no bus, no database, and the file is only read."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.scanner.knowledge import Loaded
from services.scanner.target import folders_of, target_of
from shared.equipment.setup import Equipment
from shared.errors import Permanent
from shared.events.file import Hints
from shared.events.frame import FrameMetadata, FrameQuality, FrameType, ReportedQuality, TargetMatch
from shared.frames.keep import kept
from shared.frames.layout import ImageLayout
from shared.frames.read import FrameFacts, read_frame

_STARLESS = frozenset({FrameType.PREVIEW, FrameType.OTHER})


@dataclass(frozen=True, slots=True)
class Scanned:
    """What was found in one file."""

    format: str
    frame: FrameMetadata
    quality: FrameQuality | None
    reported: ReportedQuality
    target: TargetMatch | None
    header_cards: tuple[str, ...]
    problems: tuple[str, ...]


def scan_file(
    path: Path,
    *,
    known: Loaded,
    measure_stars: bool,
    keep_preview: Callable[[Any, FrameFacts], object] | None = None,
    relative_path: str | None = None,
    source_zone: str | None = None,
    hints: Hints | None = None,
) -> Scanned:
    """Read a file's header, measure its pixels and match its target.

    Args:
        path: the file.
        known: the catalogue, the equipment and the user's own file patterns.
        measure_stars: whether quality is measured from the pixels.
        keep_preview: given the pixels and what the header says, makes the preview in the same read.
        relative_path: path below its root, whose folders carry facts; defaults to the last parts of ``path``.
        source_zone: IANA zone for local times.
        hints: what the sender knew.

    Raises:
        Permanent: the file has no readable header; one sentence, without the path.
        OSError: the file cannot be read now.
    """
    hints = hints or Hints()
    facts = read_frame(
        path,
        relative_path=relative_path,
        source_zone=source_zone,
        name_patterns=known.name_patterns,
        equipment=known.equipment,
    )
    problems = list(facts.problems)
    frame = kept(_of_rig(facts.metadata, known.equipment, hints), problems)
    target = target_of(known, facts.metadata, facts.object_guess, folders_of(relative_path, path), hints, problems)
    quality = _from_pixels(path, facts, problems, measure_stars=measure_stars, keep_preview=keep_preview)
    return Scanned(
        format=facts.format.value,
        frame=frame,
        quality=quality,
        reported=facts.reported,
        target=target,
        header_cards=facts.header_cards,
        problems=tuple(problems),
    )


def _from_pixels(
    path: Path,
    facts: FrameFacts,
    problems: list[str],
    *,
    measure_stars: bool,
    keep_preview: Callable[[Any, FrameFacts], object] | None,
) -> FrameQuality | None:
    """What needs the image, which is read once; what fails becomes a problem and stops nothing else."""
    measure_stars = measure_stars and facts.metadata.frame_type not in _STARLESS
    layout = facts.image
    if layout is None or not layout.complete or not (measure_stars or keep_preview):
        return None
    from shared.frames.pixels import load_image

    first = "not measured" if measure_stars else "no preview"
    image = _attempt(first, problems, lambda: load_image(path, layout, problems=problems))
    if image is None:
        return None
    quality: FrameQuality | None = None
    if measure_stars:
        quality = _attempt("not measured", problems, lambda: _measured(image, facts.metadata, layout, problems))
    if keep_preview is not None:
        try:
            _attempt("no preview", problems, lambda: keep_preview(image, facts))
        except OSError as error:
            problems.append(f"no preview: it cannot be written: {error.strerror or error}")
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a preview, it holds no frame back
            problems.append(f"no preview: {type(error).__name__}: {error}")
    return quality


def _attempt(words: str, problems: list[str], work: Callable[[], Any]) -> Any:
    """The result of ``work``; None, and a problem that begins with ``words``, when the file does not allow it."""
    try:
        return work()
    except Permanent as error:
        problems.append(f"{words}: {error}")
    except MemoryError:
        problems.append(f"{words}: the image needs more memory than a reader may use (scanner.memory_limit_mb)")
    return None


def _measured(image: Any, frame: FrameMetadata, layout: ImageLayout, problems: list[str]) -> FrameQuality | None:
    from services.scanner.quality import levels, measure  # sep and numpy are needed only here

    gaps: list[str] = []
    if frame.frame_type.is_calibration:
        quality = levels(image, problems=gaps)
    else:
        quality = measure(
            image,
            bayer_pattern=frame.bayer_pattern,
            pixel_scale_arcsec=frame.pixel_scale_arcsec,
            bottom_up=layout.bottom_up,
            bayer_offset=layout.bayer_offset,
            problems=gaps,
        )
    problems.extend(gaps)
    quality = kept(quality, problems)
    return quality if quality != FrameQuality() else None


def _of_rig(frame: FrameMetadata, equipment: Equipment, hints: Hints) -> FrameMetadata:
    """The frame with the rig that the sender names, who knows better than the header; see ``Equipment.rig_called``."""
    if hints.rig is None:
        return frame
    return frame.model_copy(update={"rig": equipment.rig_called(hints.rig)})
