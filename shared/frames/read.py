"""One file in, its facts out: the single entry point of this package."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from shared.equipment.setup import Equipment
from shared.errors import Permanent
from shared.events.frame import FrameMetadata, FrameType, ReportedQuality
from shared.frames import nights, values
from shared.frames.cards import CardValue
from shared.frames.fits import FitsFacts, read_fits
from shared.frames.format import SNIFF_BYTES, FileFormat, describe_stranger, sniff
from shared.frames.keep import kept
from shared.frames.layout import ImageLayout
from shared.frames.metadata import assemble, says_object, side_metadata
from shared.frames.namepatterns import NamePattern
from shared.frames.ninafiles import side_row, with_row
from shared.frames.paths import PathFacts, facts_from_path, path_parts
from shared.frames.photographs import camera_of, with_exif
from shared.frames.sidefiles import SideFacts, read_avi, read_picture, read_ser
from shared.frames.source import GzipSource, PlainSource
from shared.frames.trace import Trace
from shared.frames.xisf import XisfFacts, read_xisf

_MAX_PROBLEMS = 50
_BAYER_OFFSETS = (("XBAYROFF", "YBAYROFF"), ("BAYOFFX", "BAYOFFY"))
_FITS_FORMATS = (FileFormat.FITS, FileFormat.FITS_GZ, FileFormat.FITS_FZ)


@dataclass(frozen=True, slots=True)
class ObjectGuess:
    """The words of a file's name that may name its object; ``loose`` where nothing of a capture stands beside them."""

    words: str
    loose: bool


@dataclass(frozen=True, slots=True)
class FrameFacts:
    """Everything that one file says about itself.

    ``header_cards`` are card images of 80 bytes without trailing blanks; bytes outside ASCII are read as UTF-8, else as
    Latin-1.
    ``image`` is None where there are no pixels that could be measured. ``object_guess`` is what the file's name may
    call the object; ``metadata.object_name`` is no more than that where the two are the same.
    """

    format: FileFormat
    metadata: FrameMetadata
    reported: ReportedQuality
    header_cards: tuple[str, ...]
    problems: tuple[str, ...]
    image: ImageLayout | None
    object_guess: ObjectGuess | None = None


Content = FitsFacts | XisfFacts | SideFacts


def read_frame(
    path: Path,
    *,
    relative_path: str | None = None,
    source_zone: str | None = None,
    name_patterns: tuple[NamePattern, ...] = (),
    equipment: Equipment | None = None,
    trace: Trace | None = None,
) -> FrameFacts:
    """Read a capture file's header, what its name and folders say, and N.I.N.A.'s side file where there is one.

    ``relative_path`` is the path under its root, whose folders may carry facts (default: ``path`` itself);
    ``source_zone`` is the IANA time zone of the telescope's clock, for programs that write local time;
    ``name_patterns`` are a person's own file patterns (``ninapatterns.compile_pattern``); ``equipment`` is the user's
    and the built-in equipment (default: the built-in one); a ``trace`` notes where each fact came from.

    Raises Permanent, with one sentence that does not name the file, for what is no capture file or has no header at
    all; OSError when the file cannot be read. Reads bounded amounts of any input.
    """
    file_format, content = read_content(path)
    path_facts = facts_from_path(relative_path if relative_path is not None else str(path), name_patterns)
    row, notes = side_row(path)
    if row is not None:
        path_facts, notes = with_row(path_facts, row)
    if trace is not None:
        trace.folder_facts, trace.name_facts = path_parts(relative_path or str(path), name_patterns)
        trace.side_row = row is not None
    if isinstance(content, SideFacts):
        return _side_frame(file_format, content, path_facts, source_zone, notes, equipment, trace)
    return _headed_frame(file_format, content, path_facts, source_zone, notes, equipment, trace)


def read_content(path: Path) -> tuple[FileFormat, Content]:
    """What stands in the file itself. Raises as `read_frame` does."""
    with PlainSource(path) as source:
        head = source.read(0, SNIFF_BYTES)
        file_format = sniff(head, path.name)
        if file_format is None:
            raise Permanent(f"not a capture file: {describe_stranger(head)}")
        if file_format is FileFormat.FITS_GZ:
            with GzipSource(path) as unpacked:
                return file_format, read_fits(unpacked, file_format)
        if file_format in _FITS_FORMATS:
            return file_format, read_fits(source, file_format)
        if file_format is FileFormat.XISF:
            return file_format, read_xisf(source)
        if file_format is FileFormat.SER:
            return file_format, read_ser(source)
        if file_format is FileFormat.AVI:
            return file_format, read_avi(source)
    return file_format, read_picture(path)


def _headed_frame(
    file_format: FileFormat,
    found: FitsFacts | XisfFacts,
    path_facts: PathFacts,
    source_zone: str | None,
    notes: tuple[str, ...],
    equipment: Equipment | None,
    trace: Trace | None,
) -> FrameFacts:
    problems = list(found.problems)
    image = found.image
    lost = found if isinstance(found, FitsFacts) and found.lost else None
    shape = (image.width, image.height, image.planes) if image else lost.shape if lost else None
    metadata, reported = assemble(
        found.cards,
        found.keys,
        path_facts,
        width=_pixels(shape[0]) if shape else None,
        height=_pixels(shape[1]) if shape else None,
        planes=shape[2] if shape else 1,
        source_zone=source_zone,
        problems=problems,
        equipment=equipment,
        trace=trace,
    )
    problems.extend(notes)
    if image is not None:
        image = _oriented(image, file_format, found.keys)
    elif lost is None:
        if file_format is not FileFormat.XISF:
            problems.append("the file holds no image")
        if metadata.frame_type is FrameType.LIGHT:
            metadata = metadata.model_copy(update={"frame_type": FrameType.OTHER})
    guess = _object_guess(path_facts, metadata.object_name, found.keys)
    return FrameFacts(file_format, metadata, reported, found.card_images, tuple(problems[:_MAX_PROBLEMS]), image, guess)


def _object_guess(path: PathFacts, object_name: str | None, keys: Mapping[str, CardValue]) -> ObjectGuess | None:
    """What the file's name may call the object; None where the header has just these words, and says them itself."""
    if path.object_guess is None or (path.object_guess == object_name and says_object(keys, path)):
        return None
    return ObjectGuess(path.object_guess, loose=not path.object_is_guess)


def _oriented(image: ImageLayout, file_format: FileFormat, keys: Mapping[str, CardValue]) -> ImageLayout:
    """The layout with what the header says of the order of rows and of where its Bayer pattern begins."""
    if file_format is not FileFormat.XISF and _is_bottom_up(keys.get("ROWORDER")):
        image = replace(image, bottom_up=True)
    for across, down in _BAYER_OFFSETS:
        if keys.get(across) or keys.get(down):
            x, y = (values.number(keys.get(keyword)) or 0.0 for keyword in (across, down))
            return replace(image, bayer_offset=(int(x), int(y)))
    return image


def _is_bottom_up(row_order: CardValue) -> bool:
    """Whether ROWORDER says BOTTOM-UP. Asked of FITS alone: XISF is stored top-down by definition."""
    return isinstance(row_order, str) and row_order.strip().upper().startswith("BOTTOM")


def _side_frame(
    file_format: FileFormat,
    side: SideFacts,
    path_facts: PathFacts,
    source_zone: str | None,
    notes: tuple[str, ...],
    equipment: Equipment | None,
    trace: Trace | None,
) -> FrameFacts:
    """Previews and videos: only a TIFF may be a frame itself, when its name is one that a device gives."""
    equipment = equipment or Equipment.built_in()
    camera, focal_length, observed_at = side.camera, None, side.observed_at
    if side.exif is not None:
        path_facts, observed_at = with_exif(path_facts, side.exif, source_zone, trace)
        camera, focal_length = camera_of(side.exif, equipment), side.exif.focal_length_mm
    elif path_facts.local_time is None and side.local_time is not None:
        night = path_facts.night or nights.night_of_local_time(side.local_time)
        path_facts = replace(path_facts, local_time=side.local_time, night=night)
    metadata = side_metadata(
        path_facts,
        _side_type(file_format, path_facts),
        width=side.width,
        height=side.height,
        camera=camera,
        telescope=side.telescope,
        focal_length_mm=focal_length,
        equipment=equipment,
    )
    observed_at = observed_at or path_facts.utc_time or _utc_of(path_facts, source_zone)
    if observed_at is not None:
        night = metadata.night or nights.night_of(observed_at, None, source_zone)
        metadata = metadata.model_copy(update={"observed_at": observed_at, "night": night})
    reported = ReportedQuality.model_construct(
        hfr_px=path_facts.hfr_px, star_count=path_facts.star_count, rms_arcsec=path_facts.rms_arcsec
    )
    problems = [*side.problems, *notes]
    guess = _object_guess(path_facts, path_facts.object_name, {})
    return FrameFacts(file_format, kept(metadata, problems), kept(reported, problems), (), tuple(problems), None, guess)


def _side_type(file_format: FileFormat, path_facts: PathFacts) -> FrameType:
    if file_format in (FileFormat.JPEG, FileFormat.PNG):
        return FrameType.PREVIEW
    if file_format is FileFormat.TIFF and path_facts.program is not None and path_facts.frame_type is not None:
        return path_facts.frame_type
    return FrameType.OTHER


def _utc_of(path_facts: PathFacts, source_zone: str | None) -> datetime | None:
    return None if path_facts.local_time is None else nights.local_to_utc(path_facts.local_time, source_zone)


def _pixels(length: int) -> int | None:
    """An image side, unless the header claims more than any database integer holds."""
    return length if length < 2**31 else None
