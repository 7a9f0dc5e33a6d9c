"""Ways in which a JetStream store gets damaged, for tests that look what comes of it."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from shared.bus.names import ACCOUNT, DEAD_LETTERS, DECISIONS, EVENTS, stream_of_bucket

STREAMS = Path("jetstream") / ACCOUNT / "streams"
EVENT_STREAM, LETTER_STREAM = STREAMS / EVENTS, STREAMS / DEAD_LETTERS
BUCKET_STREAM = STREAMS / stream_of_bucket(DECISIONS)
Damage = Callable[[Path], None]
"""Damages the store in a folder."""


def each(pattern: str, change: Callable[[bytes], bytes]) -> Damage:
    """Change the content of every file that matches; there must be one."""

    def damage(store: Path) -> None:
        found = sorted(store.glob(pattern))
        assert found, pattern
        for path in found:
            path.write_bytes(change(path.read_bytes()))

    return damage


def emptied(_content: bytes) -> bytes:
    """Nothing of it."""
    return b""


def one_byte(content: bytes) -> bytes:
    """With one byte changed in the middle."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0x55]) + content[middle + 1 :]


def halved(content: bytes) -> bytes:
    """Its first half."""
    return content[: len(content) // 2]


def noise(content: bytes) -> bytes:
    """As many bytes of no meaning."""
    return os.urandom(max(64, len(content)))


def gone(pattern: str) -> Damage:
    """Remove every file that matches."""

    def damage(store: Path) -> None:
        for path in store.glob(pattern):
            path.unlink()

    return damage


def both(*damages: Damage) -> Damage:
    """One after the other."""

    def damage(store: Path) -> None:
        for one in damages:
            one(store)

    return damage


def a_file_in_its_place(place: Path) -> Damage:
    """Put a file where a folder was."""

    def damage(store: Path) -> None:
        shutil.rmtree(store / place)
        (store / place).write_text("x")

    return damage


def a_strange_folder(store: Path) -> None:
    """A stream of somebody else, of which nothing is left."""
    (store / STREAMS / "THEIRS").mkdir()


DAMAGES: dict[str, Damage] = {
    "a stream's description emptied": each(f"{EVENT_STREAM}/meta.inf", emptied),
    "one byte of its checksum": each(f"{EVENT_STREAM}/meta.sum", one_byte),
    "its description gone": gone(f"{EVENT_STREAM}/meta.*"),
    "a file in its place": a_file_in_its_place(EVENT_STREAM),
    "a file in place of its messages": a_file_in_its_place(EVENT_STREAM / "msgs"),
    "the consumers' state": each(f"{EVENT_STREAM}/obs/*/o.dat", noise),
    "half of the consumers' state": each(f"{EVENT_STREAM}/obs/*/o.dat", halved),
    "the consumers' description": each(f"{EVENT_STREAM}/obs/*/meta.inf", emptied),
    "blocks cut in half": each(f"{EVENT_STREAM}/msgs/*.blk", halved),
    "index gone and a byte of a block": both(
        gone(f"{EVENT_STREAM}/msgs/index.db"), each(f"{EVENT_STREAM}/msgs/1.blk", one_byte)
    ),
    "the dead letters' description": each(f"{LETTER_STREAM}/meta.inf", emptied),
    "the dead letters' consumer": each(f"{LETTER_STREAM}/obs/*/o.dat", noise),
    "the bucket's description": each(f"{BUCKET_STREAM}/meta.inf", emptied),
    "a stream of somebody else": a_strange_folder,
    "every file": each("**/*.*", noise),
    "a block that is read again and again": each(f"{EVENT_STREAM}/msgs/1.blk", one_byte),
    "no store at all": a_file_in_its_place(Path("jetstream")),
}
"""By what is damaged."""
