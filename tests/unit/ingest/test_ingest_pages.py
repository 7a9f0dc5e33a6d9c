"""Pages and chunks: every file is in exactly one, in order, and neither many small nor few large ones pile up."""

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.pages import CHUNK_BYTES, CHUNK_FILES, PAGE_FILES, chunks, pages
from services.ingest.sources.folder import _below
from shared.library.walk import DirectoryListing, Entry, Skipped

SIZES = st.lists(st.integers(min_value=0, max_value=2 * CHUNK_BYTES) | st.integers(0, 1000), max_size=600)


def entries_of(sizes: list[int]) -> list[Entry]:
    """Files of these sizes."""
    return [Entry(f"{n}.fit", f"night/{n}.fit", size, 0, 0, b"") for n, size in enumerate(sizes)]


@given(SIZES)
def test_pages_and_chunks_part_the_files(sizes: list[int]) -> None:
    """Nothing is lost, repeated or reordered; a page has at most 256 files."""
    entries = entries_of(sizes)
    found = list(pages(entries))
    assert [entry for page in found for entry in page] == entries
    assert all(0 < len(page) <= PAGE_FILES for page in found)
    assert [entry for page in found for chunk in chunks(page) for entry in chunk] == entries


@given(SIZES)
def test_a_chunk_is_many_small_files_or_one_large_one(sizes: list[int]) -> None:
    """A chunk ends with the file that fills it, so that a thread is never handed two gigabytes in a row."""
    for chunk in chunks(entries_of(sizes)):
        assert 0 < len(chunk) <= CHUNK_FILES
        assert sum(entry.size_bytes for entry in chunk[:-1]) < CHUNK_BYTES


def test_paths_below_a_folder_are_counted_from_the_source() -> None:
    """A walk that began in a folder reports files, skipped things and folders with their whole path."""
    entry = Entry("a.fit", "sub/a.fit", 1, 2, 3, b"4")
    listings = [
        DirectoryListing("", [], [Skipped("link", "symlink")]),
        DirectoryListing("sub", [entry], [Skipped("sub/x", "special")], "the folder /x cannot be read: no"),
    ]
    top, sub = _below("2025/M 31", iter(listings))
    assert (top.relative_path, top.skipped) == ("2025/M 31", [Skipped("2025/M 31/link", "symlink")])
    assert (sub.relative_path, sub.error) == ("2025/M 31/sub", listings[1].error)
    assert sub.entries == [Entry("a.fit", "2025/M 31/sub/a.fit", 1, 2, 3, b"4")]
    assert sub.skipped == [Skipped("2025/M 31/sub/x", "special")]
