"""Which file names are captures, which are still being written by somebody else's tool, and which are not for us."""

from dataclasses import dataclass
from enum import StrEnum

_FITS = (".fit", ".fits", ".fts")
_COMPRESSED = (".gz", ".fz")
DOUBLE_EXTENSIONS = tuple(fits + packed for fits in _FITS for packed in _COMPRESSED)
"""Extensions of compressed FITS files; they belong together and are never parted."""

CAPTURE_EXTENSIONS = frozenset(
    (*_FITS, *DOUBLE_EXTENSIONS, ".xisf", ".jpg", ".jpeg", ".png", ".tif", ".tiff", ".avi", ".ser")
)
"""Lower-case extensions of the files that Nightbus takes in."""

TEMPORARY_EXTENSIONS = frozenset((".part", ".tmp", ".filepart", ".crdownload"))
"""Lower-case extensions under which transfer tools keep what they have not finished."""

OWN_PREFIX = ".nightbus"
"""Names that begin so are our own: markers, temporary copies."""

_SYSTEM_FOLDERS = frozenset(
    ("@eadir", "#recycle", "$recycle.bin", "#snapshot", "@recycle", "lost+found", "system volume information")
)
_LONGEST_EXTENSION = 8


class Kind(StrEnum):
    """What a file name says."""

    CAPTURE = "capture"
    TEMPORARY = "temporary"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Classified:
    """What a name says of its file. ``rule`` is short and of few values, so that files can be counted by it."""

    kind: Kind
    rule: str
    extension: str


_CAPTURES = {extension: Classified(Kind.CAPTURE, extension, extension) for extension in CAPTURE_EXTENSIONS}
_OWN = Classified(Kind.TEMPORARY, "written by Nightbus", "")
_HIDDEN = Classified(Kind.TEMPORARY, "hidden", "")
_BACKUP = Classified(Kind.TEMPORARY, "~", "")


def classify(name: str) -> Classified:
    """Judge a file by its name alone, whatever the case of its letters.

    Unfinished names come first: ``M31.fit.part`` is temporary, not a file of an unknown kind. Hidden files are
    temporary too, because rsync, Syncthing and macOS keep their working and side files under such names.
    """
    lower = name.lower()
    if lower.startswith("."):
        return _OWN if lower.startswith(OWN_PREFIX) else _HIDDEN
    last = lower[lower.rfind(".") :]
    capture = _CAPTURES.get(last)
    if capture is not None:
        return capture
    if lower.endswith("~"):
        return _BACKUP
    if last in TEMPORARY_EXTENSIONS:
        return Classified(Kind.TEMPORARY, last, last)
    extension = split_extension(lower)[1]
    if extension in DOUBLE_EXTENSIONS:
        return _CAPTURES[extension]
    return Classified(Kind.IGNORED, extension or "no known extension", extension)


def ignored_by(name: str, size_bytes: int) -> str | None:
    """The rule by which a file is no capture, by its name and its size; None for a capture."""
    found = classify(name)
    if found.kind is not Kind.CAPTURE:
        return found.rule
    return "empty file" if size_bytes == 0 else None


def split_extension(name: str) -> tuple[str, str]:
    """Part a name into stem and extension, of which the extension keeps its case and its two halves (``.fits.gz``).

    Only what looks like an extension is one: a dot and up to 8 ASCII letters or digits with at least one letter, after
    a stem. So ``10.0s`` of ``Light_M 31_10.0s`` stays together with its name, and a name never loses all of its stem.
    """
    lower = name.lower()
    for double in DOUBLE_EXTENSIONS:
        if lower.endswith(double) and len(name) > len(double):
            return name[: -len(double)], name[-len(double) :]
    stem, dot, last = name.rpartition(".")
    if not dot or not stem.strip(".") or not 0 < len(last) <= _LONGEST_EXTENSION:
        return name, ""
    if not (last.isascii() and last.isalnum()) or last.isdigit() or last[0].isdigit():
        return name, ""
    return stem, dot + last


def is_system_folder(name: str) -> bool:
    """Whether a folder belongs to the operating system or to the NAS: recycle bins, thumbnails, snapshots."""
    lower = name.lower()
    return lower in _SYSTEM_FOLDERS or lower.startswith((".trash", ".recycle"))
