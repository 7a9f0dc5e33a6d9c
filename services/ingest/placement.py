"""Where a file goes in the library: the path template's fields of one file."""

from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo

from services.ingest.source import Source
from shared.errors import Permanent, Transient
from shared.library.reading import shown
from shared.library.template import HEADER_FIELDS, LIBRARY_FIELDS, Field, PathTemplate
from shared.library.walk import Entry
from shared.logging import get_logger

log = get_logger(__name__)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Placement:
    """Turns an entry of a source into a path below the library.

    The header is read only when the template asks for one of its fields; a file without a readable header gets
    ``Unknown`` there, and its place is decided all the same: the scanner says what is wrong with it.
    """

    def __init__(self, template: str) -> None:
        """Raises UserError when the template names an unknown field."""
        self._template = PathTemplate(template, LIBRARY_FIELDS)
        self._reads_header = any("{" + name in template for name in HEADER_FIELDS)

    def path_of(self, source: Source, entry: Entry, readable: Path) -> str:
        """The file's path below the library; its bytes are in the file ``readable``."""
        folder = str(PurePosixPath(entry.relative_path).parent)
        fields: dict[str, Field] = {
            "source": source.name,
            "folder": "" if folder == "." else folder,
            "name": entry.name,
            **_date_fields(entry.mtime_ns, source.zone),
        }
        if self._reads_header:
            fields |= _header_fields(readable, entry.relative_path, source.zone)
        return self._template.render(fields)


def _date_fields(mtime_ns: int, zone: str | None) -> dict[str, Field]:
    """The day of an mtime; missing where no calendar has it, as before the year 1 and after 9999."""
    try:
        day = (_EPOCH + timedelta(microseconds=mtime_ns // 1000)).astimezone(ZoneInfo(zone) if zone else UTC).date()
    except OverflowError:
        return dict.fromkeys(("year", "month", "day", "date"))
    year, month, date = day.isoformat().split("-")
    return {"year": year, "month": month, "day": date, "date": day.isoformat()}


def _header_fields(path: Path, relative_path: str, zone: str | None) -> dict[str, Field]:
    from shared.frames.read import read_frame  # only templates that name a header field need it

    try:
        frame = read_frame(path, relative_path=relative_path, source_zone=zone).metadata
    except Permanent:
        return dict.fromkeys(HEADER_FIELDS)
    except Transient:
        raise
    except Exception:  # a place does not depend on it: the scanner's readers are where it is judged
        log.exception("a header could not be read for a path", path=shown(path))
        return dict.fromkeys(HEADER_FIELDS)
    return {
        "object": frame.object_name,
        "frame_type": frame.frame_type.value,
        "filter": frame.filter,
        "camera": frame.camera,
        "night": frame.night.isoformat() if frame.night else None,
    }
