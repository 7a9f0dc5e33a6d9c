"""One file to facts: header, star quality, target. Pure: no bus, no database, and the file is only read."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from shared.errors import Permanent
from shared.events.file import Hints
from shared.events.frame import FrameMetadata, FrameQuality, FrameType, ReportedQuality, TargetMatch
from shared.frames.read import FrameFacts, read_frame
from shared.targets.matcher import Matcher

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


@cache
def load_matcher() -> Matcher:
    """The matcher of this process; loading takes a fraction of a second."""
    return Matcher.load()


def scan_file(
    path: Path,
    *,
    matcher: Matcher,
    measure_stars: bool,
    relative_path: str | None = None,
    source_zone: str | None = None,
    hints: Hints | None = None,
) -> Scanned:
    """Read a file's header, measure its pixels and match its target.

    Args:
        path: the file.
        matcher: the catalogue.
        measure_stars: whether pixels are read at all.
        relative_path: path below its root, whose folders carry facts; defaults to the last parts of ``path``.
        source_zone: IANA zone for local times.
        hints: what the sender knew.

    Raises:
        Permanent: the file has no readable header; one sentence, without the path.
        OSError: the file cannot be read now.
    """
    facts = read_frame(path, relative_path=relative_path, source_zone=source_zone)
    problems = list(facts.problems)
    quality = _measured(path, facts, problems) if measure_stars else None
    return Scanned(
        format=facts.format.value,
        frame=facts.metadata,
        quality=quality,
        reported=facts.reported,
        target=_target(matcher, facts.metadata, relative_path or str(path), hints or Hints()),
        header_cards=facts.header_cards,
        problems=tuple(problems),
    )


def _measured(path: Path, facts: FrameFacts, problems: list[str]) -> FrameQuality | None:
    from services.scanner.quality import levels, measure  # sep and numpy are needed only here
    from shared.frames.pixels import load_image

    frame = facts.metadata
    if facts.image is None or frame.frame_type in _STARLESS or not facts.image.complete:
        return None
    try:
        image = load_image(path, facts.image)
        if frame.frame_type.is_calibration:
            return levels(image)
        return measure(image, bayer_pattern=frame.bayer_pattern, pixel_scale_arcsec=frame.pixel_scale_arcsec)
    except Permanent as error:
        problems.append(f"not measured: {error}")
    except MemoryError:
        problems.append("not measured: the image needs more memory than a reader may use (scanner.memory_limit_mb)")
    return None


def _target(matcher: Matcher, frame: FrameMetadata, relative_path: str, hints: Hints) -> TargetMatch | None:
    if frame.frame_type.is_calibration:
        return None
    return matcher.match(
        hints.target or frame.object_name,
        ra_deg=frame.ra_deg,
        dec_deg=frame.dec_deg,
        hints_catalog_id=hints.catalog_id,
        folder=PurePosixPath(relative_path).parent.name or None,
    )
