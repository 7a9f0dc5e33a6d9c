"""One file in, its facts out: the single entry point of this package."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from shared.errors import Permanent
from shared.events.frame import FrameMetadata, FrameType, ReportedQuality
from shared.frames import nights
from shared.frames.fits import read_fits
from shared.frames.format import SNIFF_BYTES, FileFormat, describe_stranger, sniff
from shared.frames.layout import ImageLayout
from shared.frames.metadata import assemble, side_metadata
from shared.frames.paths import PathFacts, facts_from_path
from shared.frames.sidefiles import SideFacts, read_avi, read_picture, read_ser
from shared.frames.source import GzipSource, PlainSource
from shared.frames.xisf import read_xisf

_MAX_PROBLEMS = 50
_FITS_FORMATS = (FileFormat.FITS, FileFormat.FITS_GZ, FileFormat.FITS_FZ)


@dataclass(frozen=True, slots=True)
class FrameFacts:
    """Everything that one file says about itself.

    ``header_cards`` are 80-column card images without trailing blanks; characters that no header may hold are '?'.
    ``image`` is None where there are no pixels that could be measured.
    """

    format: FileFormat
    metadata: FrameMetadata
    reported: ReportedQuality
    header_cards: tuple[str, ...]
    problems: tuple[str, ...]
    image: ImageLayout | None


def read_frame(path: Path, *, relative_path: str | None = None, source_zone: str | None = None) -> FrameFacts:
    """Read a capture file's header, and what its name and folders say.

    ``relative_path`` is the path under its root, whose folders may carry facts (default: ``path`` itself);
    ``source_zone`` is the IANA time zone of the telescope's clock, for programs that write local time.

    Raises Permanent, with one sentence that does not name the file, for what is no capture file or has no readable
    header; OSError when the file cannot be read. Reads bounded amounts of any input.
    """
    path_facts = facts_from_path(relative_path if relative_path is not None else str(path))
    with PlainSource(path) as source:
        head = source.read(0, SNIFF_BYTES)
        file_format = sniff(head, path.name)
        if file_format is None:
            raise Permanent(f"not a capture file: {describe_stranger(head)}")
        if file_format is FileFormat.FITS_GZ:
            with GzipSource(path) as unpacked:
                return _read_fits_frame(unpacked, file_format, path_facts, source_zone)
        if file_format in _FITS_FORMATS:
            return _read_fits_frame(source, file_format, path_facts, source_zone)
        if file_format is FileFormat.XISF:
            return _read_xisf_frame(source, path_facts, source_zone)
        if file_format is FileFormat.SER:
            return _side_frame(file_format, read_ser(source), path_facts, source_zone)
        if file_format is FileFormat.AVI:
            return _side_frame(file_format, read_avi(source), path_facts, source_zone)
    return _side_frame(file_format, read_picture(path), path_facts, source_zone)


def _read_fits_frame(
    source: PlainSource, file_format: FileFormat, path_facts: PathFacts, source_zone: str | None
) -> FrameFacts:
    found = read_fits(source, file_format)
    problems = list(found.problems)
    image = found.image
    metadata, reported = assemble(
        found.cards,
        found.keys,
        path_facts,
        width=_pixels(image.width) if image else None,
        height=_pixels(image.height) if image else None,
        planes=image.planes if image else 1,
        source_zone=source_zone,
        problems=problems,
    )
    if image is None:
        problems.append("the file holds no image")
        if metadata.frame_type is FrameType.LIGHT:
            metadata = metadata.model_copy(update={"frame_type": FrameType.OTHER})
    return FrameFacts(file_format, metadata, reported, found.card_images, tuple(problems[:_MAX_PROBLEMS]), image)


def _read_xisf_frame(source: PlainSource, path_facts: PathFacts, source_zone: str | None) -> FrameFacts:
    found = read_xisf(source)
    problems = list(found.problems)
    image = found.image
    metadata, reported = assemble(
        found.cards,
        found.keys,
        path_facts,
        width=_pixels(image.width) if image else None,
        height=_pixels(image.height) if image else None,
        planes=image.planes if image else 1,
        source_zone=source_zone,
        problems=problems,
    )
    return FrameFacts(FileFormat.XISF, metadata, reported, found.card_images, tuple(problems[:_MAX_PROBLEMS]), image)


def _side_frame(file_format: FileFormat, side: SideFacts, path_facts: PathFacts, source_zone: str | None) -> FrameFacts:
    """Previews and videos: only a TIFF may be a frame itself, when its name is one that a device gives."""
    if path_facts.local_time is None and side.local_time is not None:
        night = path_facts.night or nights.night_of_local_time(side.local_time)
        path_facts = replace(path_facts, local_time=side.local_time, night=night)
    metadata = side_metadata(
        path_facts,
        _side_type(file_format, path_facts),
        width=side.width,
        height=side.height,
        camera=side.camera,
        telescope=side.telescope,
    )
    observed_at = side.observed_at or _utc_of(path_facts, source_zone)
    if observed_at is not None:
        night = metadata.night or nights.night_of(observed_at, None, source_zone)
        metadata = metadata.model_copy(update={"observed_at": observed_at, "night": night})
    reported = ReportedQuality(
        hfr_px=path_facts.hfr_px, star_count=path_facts.star_count, rms_arcsec=path_facts.rms_arcsec
    )
    return FrameFacts(file_format, metadata, reported, (), side.problems, None)


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
