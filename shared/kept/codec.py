"""Packing events: zstd frames (RFC 8878) with a dictionary of what all of them say alike.

A frame names its dictionary, and has its length and a checksum. Dictionaries lie beside this file, by id, and are made
by ``python -m tests.dictionary``. One that was released is never changed and stays for ever, since what was packed with
it cannot be read without it; a better one gets the next id.
"""

import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import zstandard

from shared.errors import Permanent

HERE = Path(__file__).parent
DICTIONARY_ID = 32_769
"""Of what is packed from now on; ids below are for registered dictionaries (RFC 8878, section 5)."""
LEVEL = 1
"""Level 3 takes half as long again and saves a twentieth."""
MOST_BYTES = 8 * 1024**2
"""Longest event that is packed, and most that unpacking gives back; the contract's limit is a sixteenth of it."""


def pack(payload: bytes) -> bytes:
    """An event's JSON as it travels, packed.

    Raises:
        Permanent: it is longer than ``MOST_BYTES``.
    """
    check_length(payload)
    return _of_this_thread().compressor.compress(payload)


def pack_all(payloads: Sequence[bytes]) -> list[bytes]:
    """Each of many events, packed; none of them may be empty.

    It keeps no other thread of Python from running, and takes half as long as one by one between other work: all that
    the dictionary brings along stays in the processor's cache.

    Raises:
        Permanent: one is longer than ``MOST_BYTES``.
    """
    for payload in payloads:
        check_length(payload)
    if not payloads:
        return []
    packed = _of_this_thread().compressor.multi_compress_to_buffer([*payloads], threads=1)
    return [packed[number].tobytes() for number in range(len(packed))]


def check_length(payload: bytes) -> None:
    """Raises Permanent where a payload is longer than ``MOST_BYTES``."""
    if len(payload) > MOST_BYTES:
        raise Permanent(f"an event of {len(payload)} bytes is too long to be kept; {MOST_BYTES} are the most")


def unpack(packed: bytes) -> bytes:
    """What was packed, byte for byte.

    Raises:
        Permanent: it is damaged, longer than ``MOST_BYTES``, or was packed with a dictionary that is not here.
    """
    try:
        frame = zstandard.get_frame_parameters(packed)
        # An unknown length is a very large number.
        if frame.content_size > MOST_BYTES:
            raise Permanent(f"a kept event is longer than {MOST_BYTES} bytes, or does not say how long it is")
        return _of_this_thread().decompressor(frame.dict_id).decompress(packed, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise Permanent(f"a kept event is damaged: {error}") from error


class _Codec(threading.local):
    """Contexts of zstd, which may not be shared between threads."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(
            level=LEVEL, dict_data=_dictionary(DICTIONARY_ID), write_checksum=True, write_content_size=True
        )
        self._decompressors: dict[int, zstandard.ZstdDecompressor] = {}

    def decompressor(self, dictionary_id: int) -> zstandard.ZstdDecompressor:
        if dictionary_id not in self._decompressors:
            self._decompressors[dictionary_id] = zstandard.ZstdDecompressor(dict_data=_dictionary(dictionary_id))
        return self._decompressors[dictionary_id]


@cache
def _of_this_thread() -> _Codec:
    """Made at first use, so that whoever imports this module and packs nothing reads no dictionary."""
    return _Codec()


@cache
def _dictionary(dictionary_id: int) -> zstandard.ZstdCompressionDict:
    try:
        data = (HERE / f"{dictionary_id}.zdict").read_bytes()
    except FileNotFoundError as error:
        raise Permanent(
            f"a kept event needs the dictionary {dictionary_id}, which this version does not have"
        ) from error
    dictionary = zstandard.ZstdCompressionDict(data, dict_type=zstandard.DICT_TYPE_FULLDICT)
    if dictionary_id == DICTIONARY_ID:
        dictionary.precompute_compress(level=LEVEL)
    return dictionary
