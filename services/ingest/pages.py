"""What is done together: groups of folders are judged, pages of files are committed, chunks are taken by one thread."""

from collections.abc import Iterator, Sequence

from shared.library.walk import DirectoryListing, Entry

GROUP_ENTRIES, GROUP_FOLDERS = 5000, 200
"""Files and folders of a walk that are judged together: one query answers for all of them."""
PAGE_FILES, PAGE_BYTES = 256, 64 * 1024**2
"""Files that are committed together; small enough that the scanner has work while the next ones are copied."""
CHUNK_FILES, CHUNK_BYTES = 16, 8 * 1024**2
"""Files that one thread takes in a row: many small ones or one large one."""


def next_group(listings: Iterator[DirectoryListing]) -> list[DirectoryListing]:
    """The next folders of a walk, with many files or many in number; none at its end. Looks at the disk."""
    group: list[DirectoryListing] = []
    entries = 0
    for listing in listings:
        group.append(listing)
        entries += len(listing.entries)
        if entries >= GROUP_ENTRIES or len(group) >= GROUP_FOLDERS:
            break
    return group


def pages(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """The files in order."""
    return _parts(entries, PAGE_FILES, PAGE_BYTES)


def chunks(page: Sequence[Entry]) -> Iterator[list[Entry]]:
    """The files of a page in order."""
    return _parts(page, CHUNK_FILES, CHUNK_BYTES)


def _parts(entries: Sequence[Entry], most_files: int, enough_bytes: int) -> Iterator[list[Entry]]:
    """Runs of files, each ended by its last allowed file or by the file that fills it."""
    part: list[Entry] = []
    size_bytes = 0
    for entry in entries:
        part.append(entry)
        size_bytes += entry.size_bytes
        if len(part) >= most_files or size_bytes >= enough_bytes:
            yield part
            part, size_bytes = [], 0
    if part:
        yield part
