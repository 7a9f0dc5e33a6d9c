"""A destination as backup leaves it behind, and the programs that bring its files back."""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from services.backup.archive import keys
from services.backup.archive.manifest import FileEntry, LeftOut, Manifest, PackingEntry, PartEntry, sums, to_json
from services.backup.archive.model import Packing
from tests.archives import KIB, ZSTD, member, parts_of, whole, written_in

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "deploy" / "restore" / "nightbus-restore.sh"
PAGE = ROOT / "docs" / "howto" / "restore-without-nightbus.md"
PREFIX = "nightbus-0123abcd"
SESSION = "20240102_0123ABCD"
YEAR = 2024
MISSING = f"{SESSION}/library/never read.fit"
STAND_IN_ZSTD = """#!{python}
import sys
import zstandard
zstandard.ZstdDecompressor().copy_stream(
    open(sys.argv[2], "rb") if len(sys.argv) > 2 else sys.stdin.buffer, sys.stdout.buffer, read_across_frames=True
)
"""


@dataclass(frozen=True)
class Archived:
    """A destination: its folder, what must come back, and where each file is."""

    folder: Path
    contents: dict[str, bytes]
    files: tuple[FileEntry, ...]

    @property
    def prefix(self) -> Path:
        """The folder of the installation."""
        return self.folder / PREFIX

    def path(self, key: str) -> Path:
        """Where a key lies."""
        return self.prefix / key


def archived(folder: Path, revisions: Sequence[dict[str, bytes]], packing: Packing = ZSTD) -> Archived:
    """Archive a session that grew: its files below ``library``, by path, of one archive after the other."""
    contents: dict[str, bytes] = {}
    files: list[FileEntry] = []
    for number, revision in enumerate(revisions, start=1):
        of_number = dict(enumerate(revision.values()))
        names = [keys.member_path(SESSION, "library", path, "") for path in revision]
        members = [member(at, of_number[at], name) for at, name in enumerate(names)]
        key = keys.archive_key(YEAR, SESSION, number, packing.kind)
        parts = parts_of(members, of_number, packing, 64 * KIB)
        _write(folder / PREFIX / key, whole(parts))
        files += [
            FileEntry(
                member=one.path,
                root="library",
                path=path,
                file_id=one.file_id,
                size_bytes=one.size_bytes,
                archive=key,
                stored_offset=place.stored_offset,
                stored_bytes=place.stored_bytes,
                frame_sizes=place.frame_sizes,
                header_sha256=place.header_sha256,
            )
            for one, path, place in zip(members, revision, written_in(parts), strict=True)
        ]
        manifest = Manifest(
            software_version="0.1.0",
            installation_id="0123abcd",
            destination="usb-disk",
            collection_id=SESSION,
            session_revision=number,
            night=date(YEAR, 1, 2),
            number=number,
            key=key,
            packing=PackingEntry(
                kind=packing.kind, level=packing.level, frame_bytes=packing.frame_bytes, version=packing.version
            ),
            part_bytes=64 * KIB,
            stored_bytes=sum(len(part.data) for part in parts),
            parts=tuple(
                PartEntry(
                    number=part.number, size_bytes=len(part.data), md5=part.md5.hex(), sha256=part.sha256.hex()
                )
                for part in parts
            ),
            files=tuple(files),
            left_out=(
                LeftOut(
                    member=MISSING, root="library", path="never read.fit", file_id="0" * 64, size_bytes=1,
                    reason="never read.fit is gone",
                ),
            ),
        )  # fmt: skip
        _write(folder / PREFIX / keys.manifest_key(YEAR, SESSION, number), to_json(manifest))
        _write(folder / PREFIX / keys.sums_key(YEAR, SESSION, number), sums(files))
        contents |= dict(zip(names, revision.values(), strict=True))
    return Archived(folder, contents, tuple(files))


def found_below(folder: Path) -> dict[str, bytes]:
    """All files below a folder, with their contents."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def commands(*blocks: str) -> str:
    """The commands of the page, of the blocks that have these words behind ``sh``."""
    page = PAGE.read_text()
    return "".join(page.split(f"\n```sh {block}\n")[1].split("```\n")[0] for block in blocks)


def programs(folder: Path, **stand_ins: str) -> dict[str, str]:
    """An environment in which stand-ins are found before all else, and one for zstd where zstd is absent."""
    folder.mkdir()
    if shutil.which("zstd") is None:
        stand_ins["zstd"] = STAND_IN_ZSTD.format(python=sys.executable)
    for name, text in stand_ins.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:/usr/local/bin:/usr/bin:/bin", "HOME": str(folder)}


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
