"""Manifests and keys: what outlives the program."""

import json
import shutil
import subprocess
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.backup.archive import keys
from services.backup.archive.manifest import (
    FileEntry,
    LeftOut,
    Manifest,
    PackingEntry,
    PartEntry,
    from_json,
    sums,
    to_json,
)
from shared.errors import Permanent

SESSION = "20240102_0123ABCD"
ID = "ab" * 32
KEY = keys.archive_key(2024, SESSION, 2, "zstd")


def file_entry(path: str = "M 31/a.fit", position: int = 0) -> FileEntry:
    """A file of the collection."""
    return FileEntry(
        member=f"{SESSION}/library/{path}",
        root="library",
        path=path,
        file_id=f"{position:064x}",
        size_bytes=4_000_000,
        archive=KEY,
        stored_offset=position * 2_000_000,
        stored_bytes=2_000_000,
        frame_sizes=(1_000_000, 1_000_000),
        header_sha256=ID,
    )


def manifest(*files: FileEntry) -> Manifest:
    """Of the second archive of a session."""
    return Manifest(
        software_version="0.1.0",
        installation_id="0123abcd",
        destination="usb-disk",
        collection_id=SESSION,
        session_revision=3,
        night=date(2024, 1, 2),
        number=2,
        key=KEY,
        packing=PackingEntry(kind="zstd", level=3, frame_bytes=4 << 20, version="1.5.7"),
        part_bytes=16 << 20,
        stored_bytes=2_000_100,
        parts=(PartEntry(number=1, size_bytes=2_000_100, md5="cd" * 16, sha256=ID),),
        files=files or (file_entry(),),
        left_out=(
            LeftOut(
                member=f"{SESSION}/library/b.fit", root="library", path="b.fit", file_id=ID, size_bytes=5, reason="gone"
            ),
        ),
    )


def test_a_manifest_comes_back_as_it_was() -> None:
    """With the same bytes for the same content, as JSON that any program reads."""
    one = manifest(file_entry(), file_entry("Größe \\xff\n.fit", 1))
    data = to_json(one)
    assert from_json(data, "key") == one
    assert to_json(one) == data
    assert json.loads(data)["files"][1]["path"] == "Größe \\xff\n.fit"


def test_a_manifest_has_a_line_for_each_file() -> None:
    """So that grep finds one, and diff compares two."""
    files = [file_entry(f"{at:05}.fit", at) for at in range(10_000)]
    lines = to_json(manifest(*files)).decode().splitlines()
    of_file = [line for line in lines if "04711.fit" in line]
    assert len(of_file) == 1
    assert json.loads(of_file[0].rstrip(","))["stored_offset"] == 4711 * 2_000_000
    assert from_json("\n".join(lines).encode(), "key").files == tuple(files)


def test_what_newer_versions_add_is_passed_over() -> None:
    """Fields are added without a new format."""
    fields = json.loads(to_json(manifest())) | {"colour": "blue"}
    assert from_json(json.dumps(fields).encode(), "key") == manifest()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format_version": 2}, r"k is a manifest of format 2, and this Nightbus knows format 1: .*0\.1\.0.*newer"),
        ({"format": "other"}, "k is no manifest of an archive"),
        ({"stored_bytes": -1}, "the manifest k is damaged: stored_bytes: "),
        ({"files": [{"member": "x"}]}, r"the manifest k is damaged: files\.0\.root: "),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(change: dict[str, object], words: str) -> None:
    """Another format, other JSON, and a manifest that is damaged."""
    fields = json.loads(to_json(manifest())) | change
    with pytest.raises(Permanent, match=words):
        from_json(json.dumps(fields).encode(), "k")


@pytest.mark.parametrize("data", [b"", b"\xff", b"[]", b'{"format": ', b"7"])
def test_what_is_no_manifest_is_refused_in_a_sentence(data: bytes) -> None:
    """Whatever lies under the key."""
    with pytest.raises(Permanent, match="k is no manifest"):
        from_json(data, "k")


NAMES = ["a.fit", "M 31/*a.fit", "back\\slash.fit", "line\nend.fit", "return\r.fit", "\\n.fit", "Größe.fit", " a.fit "]


def test_the_list_of_sums_is_that_of_sha256sum(tmp_path: Path) -> None:
    """Odd names too: sha256sum writes the same lines, and finds all files that they name."""
    if (program := shutil.which("sha256sum")) is None:
        pytest.skip("sha256sum is not here")
    entries = []
    for position, name in enumerate(NAMES):
        path = tmp_path / SESSION / "library" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        entries.append(file_entry(name, position).model_copy(update={"file_id": empty}))
    listed = sums(entries)
    told = subprocess.run(
        [program, *(entry.member for entry in entries)], cwd=tmp_path, capture_output=True, check=True
    )
    assert listed == told.stdout
    (tmp_path / "SHA256SUMS").write_bytes(listed)
    subprocess.run([program, "--strict", "--quiet", "-c", "SHA256SUMS"], cwd=tmp_path, check=True)


def test_keys_are_those_of_the_layout() -> None:
    """The first archive of a session has its name alone; those that follow are numbered."""
    first = f"backups/raw/2024/{SESSION}"
    assert keys.archive_key(2024, SESSION, 1, "zstd") == f"{first}.tar.zst"
    assert keys.archive_key(2024, SESSION, 1, "none") == f"{first}.tar"
    assert keys.archive_key(2024, SESSION, 12, "zstd") == f"{first}.r12.tar.zst"
    assert keys.manifest_key(2024, SESSION, 1) == f"{first}.manifest.json"
    assert keys.sums_key(2024, SESSION, 2) == f"{first}.r2.SHA256SUMS"
    assert first.startswith(keys.raw_prefix())
    assert first.startswith(keys.raw_prefix(2024))


@given(
    year=st.integers(1000, 9000),
    collection=st.sampled_from([SESSION, "arrived_20240102"]),
    number=st.integers(1, 10**6),
    packing=st.sampled_from(["zstd", "none"]),
)
def test_keys_of_archives_are_read_back(year: int, collection: str, number: int, packing: keys.PackingKind) -> None:
    """Year, collection, number and packing, of the archive and of what lies beside it."""
    archive = keys.archive_key(year, collection, number, packing)
    parsed = keys.parse_raw(archive)
    assert parsed == keys.RawKey(year, collection, number, "archive", packing)
    assert keys.packing_of(archive) == packing
    assert parsed is not None
    beside = replace(parsed, kind="manifest", packing=None)
    assert keys.parse_raw(keys.manifest_key(year, collection, number)) == beside
    assert keys.parse_raw(keys.sums_key(year, collection, number)) == replace(beside, kind="sums")


def test_other_keys_are_those_of_no_archive() -> None:
    """Whatever else lies at the destination."""
    for key in (
        "installation.json",
        f"{KEY}.part",
        "backups/raw/24/x.tar",
        KEY.replace("r2", "r0"),
    ):
        assert keys.parse_raw(key) is None
        with pytest.raises(ValueError, match="no key of an archive"):
            keys.packing_of(key)


def test_two_files_of_one_path_have_two_names() -> None:
    """The second has the beginning of its id in its name, which stays as short as names must be."""
    path = f"{SESSION}/library/M 31/a.fit"
    assert keys.member_path(SESSION, "library", "M 31/a.fit", ID) == path
    assert (
        keys.member_path(SESSION, "library", "M 31/a.fit", ID, {path}) == f"{SESSION}/library/M 31/a.abababababab.fit"
    )
    longest = f"{SESSION}/library/{'ö' * 125}a.fit"
    second = keys.member_path(SESSION, "library", f"{'ö' * 125}a.fit", ID, {longest})
    assert second == f"{SESSION}/library/{'ö' * 119}.abababababab.fit"
    assert keys.member_path(SESSION, "library", "\udcff.fit", ID) == f"{SESSION}/library/\\xff.fit"


def test_what_came_from_another_destination_says_so() -> None:
    """Such a file's line has the word and keeps it; the lines of all others are as they were before there was one."""
    here, brought = file_entry("a.fit"), file_entry("b.fit").model_copy(update={"elsewhere": True})
    written = to_json(manifest(here, brought))
    lines = [line for line in written.decode().splitlines() if '"archive"' in line]
    assert ["elsewhere" in line for line in lines] == [False, True]
    assert [file.elsewhere for file in from_json(written, "m.json").files] == [False, True]
    assert to_json(from_json(written, "m.json")) == written
