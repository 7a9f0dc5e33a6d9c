"""The previews that are kept: a folder of pictures, proxies and facts, named by ``file_id``.

``<previews_dir>/<first two digits>/<file_id>.jpg`` is the picture, ``.png`` the proxy's levels, ``.json`` the facts
(``shared.previews.files``). Several processes may share the folder: every file is written under a temporary name
and renamed, the facts last, so a preview is there once its facts are, and whole once its files have the sizes that the
facts name. What is there is never made again. Everything in it can be made anew, so nothing is synced to disk, and
beyond ``previews_max_mb`` the previews that were not asked for the longest are removed.

A kept preview is found by a hash alone: no name from outside ever becomes part of a path.
"""

import contextlib
import fcntl
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError
from pydantic import ValidationError

from shared.errors import Permanent, UserError
from shared.previews.files import (
    FACTS_VERSION,
    PreviewFacts,
    decode_proxy,
    describe,
    encode_levels,
    encode_picture,
)
from shared.previews.kinds import PictureFormat
from shared.previews.make import Picture, Reduced, own_stretch, reduce_file, stretch_with
from shared.previews.stretch import Stretch

_FILE_ID = re.compile(r"[0-9a-f]{64}")
_SHARD = re.compile(r"[0-9a-f]{2}")
_KEPT = re.compile(r"([0-9a-f]{64})\.(?:jpg|webp|png|json)")
_TEMPORARY = re.compile(r"\.[0-9a-f]{32}\.tmp")

_PICTURES = (PictureFormat.JPEG, PictureFormat.WEBP)
_LEVELS, _FACTS = ".png", ".json"
_ABANDONED_S = 3600.0
"""A temporary file of this age belongs to a process that died."""
_TOUCH_S = 3600.0
"""How exactly it is known when a preview was last asked for."""
_SWEEP_SHARE = 0.05
"""The folder is looked through each time that one process has written this share of its limit."""
_ROOM_SHARE = 0.9
"""How full the folder is after making room."""


@dataclass(frozen=True)
class Kept:
    """A preview on disk. ``levels`` is None for files that were pictures already."""

    facts: PreviewFacts
    picture: Path
    levels: Path | None

    def stretched(self, stretch: Stretch, kind: PictureFormat = PictureFormat.JPEG) -> bytes:
        """The frame under another stretch, encoded, such as the one that its whole group is shown with.

        Raises:
            Permanent: it has no levels, or they are damaged.
            OSError: they cannot be read; most likely they were removed to make room.
        """
        if self.levels is None:
            raise Permanent("the preview is of a picture, which has no levels to stretch")
        return encode_picture(stretch_with(decode_proxy(self.levels.read_bytes(), self.facts), stretch), kind)


@dataclass
class PreviewCache:
    """The kept previews of one folder; cheap to make, one per process."""

    folder: Path
    max_mb: int
    _unswept_bytes: float = field(default=float("inf"), init=False)

    def preview_of(self, file_id: str, path: Path, kind: PictureFormat = PictureFormat.JPEG) -> Kept:
        """The preview of a file, made from ``path`` unless it is there.

        Args:
            file_id: SHA-256 of the file's content, 64 hexadecimal digits.
            path: the file; not opened when its preview is there.
            kind: what its picture is wanted as, JPEG or WebP.

        Raises:
            UserError: ``file_id`` is none, or another kind is wanted.
            Permanent: nothing in the file can be shown.
            OSError: it cannot be read, or the preview cannot be written.
        """
        kept = self.find(file_id, kind)
        return kept if kept is not None else self.keep(file_id, reduce_file(path), kind)

    def find(self, file_id: str, kind: PictureFormat = PictureFormat.JPEG) -> Kept | None:
        """The preview that is kept of a file, or None. Raises like ``preview_of``."""
        stem = self._stem(file_id, kind)
        facts = _read_facts(stem)
        if facts is None:
            return None
        with contextlib.suppress(OSError):  # a folder that may only be read keeps its times
            if time.time() - Path(stem + _FACTS).stat().st_mtime > _TOUCH_S:
                os.utime(stem + _FACTS)
        if kind.extension in facts.file_bytes:
            return _kept(stem, facts, kind)
        try:
            return self._add_picture(stem, facts, kind)
        except (FileNotFoundError, UnidentifiedImageError, Permanent):
            # Removed this moment, to make room; or damaged, as a power cut leaves what nobody synced.
            return None

    def keep(self, file_id: str, reduced: Reduced, kind: PictureFormat = PictureFormat.JPEG) -> Kept:
        """Write the preview of a file. Raises UserError like ``preview_of``; OSError when it cannot be written."""
        stem = self._stem(file_id, kind)
        proxy = reduced.proxy
        picture = reduced.picture if proxy is None else stretch_with(proxy, own_stretch(proxy))
        assert picture is not None
        files = {kind.extension: encode_picture(picture, kind)}
        if proxy is not None:
            files[_LEVELS] = encode_levels(proxy.levels)
        facts = describe(reduced, file_id, {extension: len(data) for extension, data in files.items()})
        self._make_room(sum(map(len, files.values())))
        Path(stem).parent.mkdir(parents=True, exist_ok=True)
        for extension, data in files.items():
            _write(Path(stem + extension), data)
        _write(Path(stem + _FACTS), facts.model_dump_json().encode())
        return _kept(stem, facts, kind)

    def make_room(self) -> int:
        """Remove what is over the limit, the longest unused first, and what dead processes left; the bytes removed.

        Another process that does the same at this moment does it for both.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return 0
            return self._sweep()

    def _make_room(self, coming_bytes: int) -> None:
        """Look through the folder now and then: what a sweep costs must not grow with what is written."""
        self._unswept_bytes += coming_bytes
        if self._unswept_bytes > _SWEEP_SHARE * self._limit_bytes:
            self._unswept_bytes = 0.0
            self.make_room()

    def _sweep(self) -> int:
        size_bytes: dict[Path, int] = {}
        used_at: dict[Path, float] = {}
        for entry, stem, status in _entries(self.folder):
            size_bytes[stem] = size_bytes.get(stem, 0) + status.st_size
            if entry.endswith(_FACTS) or stem not in used_at:
                used_at[stem] = status.st_mtime
        total = before = sum(size_bytes.values())
        if total <= self._limit_bytes:
            return 0
        for stem in sorted(used_at, key=used_at.__getitem__):
            if total <= _ROOM_SHARE * self._limit_bytes:
                break
            _remove(stem)
            total -= size_bytes[stem]
        return before - total

    def _add_picture(self, stem: str, facts: PreviewFacts, kind: PictureFormat) -> Kept:
        """Another encoding of a kept picture, from its levels where it has some."""
        found = _kept(stem, facts, next(other for other in _PICTURES if other.extension in facts.file_bytes))
        if found.levels is not None:
            data = found.stretched(facts.auto, kind)
        else:
            with Image.open(found.picture, formats=("JPEG", "WEBP")) as image:
                shown: Picture = np.asarray(image)
            data = encode_picture(shown, kind)
        _write(Path(stem + kind.extension), data)
        facts = facts.model_copy(update={"file_bytes": {**facts.file_bytes, kind.extension: len(data)}})
        _write(Path(stem + _FACTS), facts.model_dump_json().encode())
        return _kept(stem, facts, kind)

    def _stem(self, file_id: str, kind: PictureFormat) -> str:
        if not _FILE_ID.fullmatch(file_id):
            raise UserError("a preview is asked for by a file_id: 64 hexadecimal digits in lower case")
        if kind not in _PICTURES:
            raise UserError(f"previews are kept as {' or '.join(_PICTURES)}, not as {kind}")
        return str(self.folder / file_id[:2] / file_id)

    @property
    def _limit_bytes(self) -> int:
        return self.max_mb * 1024 * 1024


def require_apart(folder: Path, places: Iterable[tuple[str, Path]]) -> None:
    """Make sure that previews are written into no place of captures. Raises UserError, naming the place.

    Args:
        folder: ``scanner.previews_dir``.
        places: words for each library, source and root, and its folder.
    """
    if not folder.is_absolute():
        raise UserError(f"scanner.previews_dir must be an absolute path, not {folder}")
    for words, place in places:
        if overlap(folder, place):
            raise UserError(f"scanner.previews_dir must be apart from {words}: {folder} and {place} overlap")


@lru_cache(maxsize=256)
def overlap(folder: Path, place: Path) -> bool:
    """Whether one lies in the other, links followed."""
    ours, theirs = folder.resolve(), place.resolve()
    return ours == theirs or theirs in ours.parents or ours in theirs.parents


def _read_facts(stem: str) -> PreviewFacts | None:
    """The facts of a preview that is there, whole and of this version."""
    try:
        facts = PreviewFacts.model_validate_json(Path(stem + _FACTS).read_bytes())
        pictures = facts.file_bytes.keys() - {_LEVELS}
        right = (
            (facts.version, facts.file_id) == (FACTS_VERSION, Path(stem).name)
            and bool(pictures)
            and pictures <= {kind.extension for kind in _PICTURES}
            and (_LEVELS in facts.file_bytes) == (facts.kind == "frame")
        )
        whole = right and all(Path(stem + end).stat().st_size == size for end, size in facts.file_bytes.items())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None
    return facts if whole else None


def _kept(stem: str, facts: PreviewFacts, kind: PictureFormat) -> Kept:
    levels = Path(stem + _LEVELS) if facts.kind == "frame" else None
    return Kept(facts, Path(stem + kind.extension), levels)


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{secrets.token_hex(16)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _entries(folder: Path) -> Iterator[tuple[str, Path, os.stat_result]]:
    """Every kept file: its name, its preview's path without extension, its status. Removes abandoned temporaries."""
    for shard in sorted(folder.iterdir()):
        if not (_SHARD.fullmatch(shard.name) and shard.is_dir() and not shard.is_symlink()):
            continue
        with os.scandir(shard) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):  # removed by another process this moment
                    status = entry.stat(follow_symlinks=False)
                    match = _KEPT.fullmatch(entry.name)
                    if match and entry.name.startswith(shard.name):
                        yield entry.name, shard / match[1], status
                    elif _TEMPORARY.fullmatch(entry.name) and time.time() - status.st_mtime > _ABANDONED_S:
                        Path(entry).unlink()


def _remove(stem: Path) -> None:
    """Facts first: without them the rest is not there."""
    for extension in (_FACTS, _LEVELS, *(kind.extension for kind in PictureFormat)):
        stem.with_name(stem.name + extension).unlink(missing_ok=True)
