"""The tiles of a compressed FITS image, looked at before a decoder that trusts its input gets them.

FITS Standard 4.0, section 10.1 (the table of tiles) and 7.3.5 (its heap). The HCOMPRESS decoder of cfitsio believes the
size that is written in the packed data and writes that many pixels, so a wrong one would break the whole process.
"""

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from shared.errors import Permanent
from shared.frames.cards import CardValue

_MOST_COLUMNS = 999
_WIDTHS = {"L": 1, "B": 1, "I": 2, "J": 4, "K": 8, "A": 1, "E": 4, "D": 8, "C": 8, "M": 16, "P": 8, "Q": 16}
_FORM = re.compile(r"(\d{0,6})([LXBIJKAEDCMPQ])([BIJ]?)")
_PACKED_COLUMNS = frozenset({"COMPRESSED_DATA", "GZIP_COMPRESSED_DATA", "UNCOMPRESSED_DATA"})
_HCOMPRESS = struct.Struct(">2sii")
_HCOMPRESS_MAGIC = b"\xdd\x99"
_SLACK_BYTES = 4096


@dataclass(frozen=True, slots=True)
class TileTable:
    """Where the packed tiles are: ``columns`` are (offset in the row, 64-bit descriptors, bytes of an element)."""

    row_bytes: int
    rows: int
    heap_offset: int
    columns: tuple[tuple[int, bool, int], ...]
    axes: tuple[int, ...]
    tile: tuple[int, ...]
    sample_bytes: int
    hcompress: bool


def describe_tiles(keys: Mapping[str, CardValue], bitpix: int) -> TileTable | str:
    """The table that the cards of a compressed image describe, or why there can be none."""
    axes = _numbers(keys, "ZNAXIS", _whole(keys.get("ZNAXIS")), 1)
    tile = tuple(_whole(keys.get(f"ZTILE{axis}", length if axis == 1 else 1)) for axis, length in enumerate(axes, 1))
    for side, length in zip(tile, axes, strict=True):
        if not 0 < side <= length:
            return f"the tiles of the compressed image have an impossible side of {side} pixels"
    rows, row_bytes = _whole(keys.get("NAXIS2")), _whole(keys.get("NAXIS1"))
    count = prod(-(-length // side) for length, side in zip(axes, tile, strict=True))
    if rows != count:
        return f"the compressed image has {rows} tiles, its size needs {count}"
    columns, at = [], 0
    for number in range(1, min(_whole(keys.get("TFIELDS")), _MOST_COLUMNS) + 1):
        form = _FORM.match(str(keys.get(f"TFORM{number}", "")).strip())
        if form is None:
            return f"column {number} of the compressed image has a form that cannot be read"
        repeat, kind, element = int(form[1] or 1), form[2], form[3]
        if kind in "PQ" and str(keys.get(f"TTYPE{number}", "")).strip().upper() in _PACKED_COLUMNS and repeat:
            columns.append((at, kind == "Q", _WIDTHS.get(element, 1)))
        at += -(-repeat // 8) if kind == "X" else repeat * _WIDTHS[kind]
    if at > row_bytes or not columns:
        return "the table of the compressed image has no column of packed data"
    heap = _whole(keys.get("THEAP", rows * row_bytes))
    is_hcompress = str(keys.get("ZCMPTYPE", "")).strip() == "HCOMPRESS_1"
    return TileTable(row_bytes, rows, heap, tuple(columns), axes, tile, abs(bitpix) // 8, is_hcompress)


def verify_tiles(table: TileTable, data: bytes | bytearray) -> None:
    """Raise Permanent where a tile lies outside the heap, is much longer than its pixels, or declares other ones.

    ``data`` is the data unit: the rows, then the heap.
    """
    if table.heap_offset < table.rows * table.row_bytes or table.heap_offset > len(data):
        raise Permanent("the compressed image is damaged: its heap is not behind its table")
    for row in range(table.rows):
        for at, wide, element_bytes in table.columns:
            count, offset = struct.unpack_from(">qq" if wide else ">ii", data, row * table.row_bytes + at)
            start, length = table.heap_offset + offset, count * element_bytes
            if count < 0 or offset < 0 or start + length > len(data):
                raise Permanent(f"the compressed image is damaged: tile {row + 1} lies outside of its data")
            if count:
                _verify_tile(table, row, data, start, length)


def _verify_tile(table: TileTable, row: int, data: bytes | bytearray, start: int, length: int) -> None:
    pixels, rest = 1, row
    for axis_length, side in zip(table.axes, table.tile, strict=True):
        along = -(-axis_length // side)
        pixels *= min(side, axis_length - rest % along * side)
        rest //= along
    if length > pixels * max(table.sample_bytes, 4) * 2 + _SLACK_BYTES:
        raise Permanent(f"the compressed image is damaged: tile {row + 1} has {length} bytes for {pixels} pixels")
    if table.hcompress:
        if length < _HCOMPRESS.size:
            raise Permanent(f"the compressed image is damaged: tile {row + 1} is cut off")
        magic, width, height = _HCOMPRESS.unpack_from(data, start)
        if magic != _HCOMPRESS_MAGIC or width < 1 or height < 1 or width * height != pixels:
            raise Permanent(f"the compressed image is damaged: tile {row + 1} is not one of {pixels} pixels")


def _numbers(keys: Mapping[str, CardValue], name: str, count: int, default: int) -> tuple[int, ...]:
    return tuple(_whole(keys.get(f"{name}{axis}", default)) for axis in range(1, min(count, _MOST_COLUMNS) + 1))


def _whole(value: CardValue) -> int:
    return int(value) if isinstance(value, int | float) and abs(value) < 2**62 and value == int(value) else 0
