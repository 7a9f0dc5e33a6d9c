"""Hostile XISF: cut files, lies about places and sizes, packed bombs, XML that is meant to hurt."""

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.hostile import writers
from tests.hostile.writers import noise, pack

_DATA = np.frombuffer(noise(48 * 64, dtype="<u2"), "<u2").reshape(48, 64)
_CODECS = ("", "zlib", "zlib+sh", "lz4", "lz4+sh", "lz4hc", "zstd", "zstd+sh")


_LIGHT = (
    '<FITSKeyword name="IMAGETYP" value="\'LIGHT\'" comment=""/><FITSKeyword name="EXPTIME" value="60" comment=""/>'
)


def xisf(data: writers.Array, **options: Any) -> bytes:
    """An XISF light frame, whose pixels are read."""
    return writers.xisf(data, keywords=_LIGHT, **options)


def xisf_files() -> Iterator[tuple[str, bytes]]:
    """All of them."""
    for family in (_cut, _spoilt, _lies, _bombs, _headers):
        for name, content in family():
            yield f"{name}.xisf", content


def _cut() -> Iterator[tuple[str, bytes]]:
    for codec in _CODECS[:7:2]:
        content = xisf(_DATA, codec=codec)
        for length in (7, 8, 11, 15, 16, 17, 100, 300, 4095, 4096, 4097, (4096 + len(content)) // 2, len(content) - 1):
            yield f"cut-{codec}-{length}", content[:length]


def _spoilt() -> Iterator[tuple[str, bytes]]:
    for codec in _CODECS:
        for at in (4096, 4100, 4500, -1):
            content = bytearray(xisf(_DATA, codec=codec, checksum="sha256"))
            content[at] ^= 0x55
            yield f"spoilt-{codec}-{at}", bytes(content)
    for location in ("inline", "embedded"):
        for codec in ("", "zlib"):
            for end in ("</Image>", "</Data>")[:1] if location == "inline" else ("</Data>",):
                for text in ("*", "A", "\u20ac"):
                    changed = xisf(_DATA, location=location, codec=codec, replacements=[(end, text + end)])
                    yield f"text-{location}-{codec}-{ord(text[0])}", changed


def _lies() -> Iterator[tuple[str, bytes]]:
    size = _DATA.nbytes
    places = (
        "attachment:-4096:6144", "attachment:0:6144", "attachment:16:6144", "attachment:4095:6144",
        "attachment:4097:6144",
        "attachment:4096:6145", "attachment:4096:6143", "attachment:4096:0", "attachment:999999999999:6144",
        "attachment:18446744073709551615:6144", "attachment:4096:18446744073709551615", "attachment:4096",
        "attachment:a:b",
        "attachment:4096:6144:1", "url(file:///etc/passwd)", "path(../../etc/passwd)", "inline:base85",
        "embedded", "", "inline:hex",
    )  # fmt: skip
    for number, place in enumerate(places):
        yield f"place-{number:02}", xisf(_DATA, replacements=[(f"attachment:4096:{size}", place)])
    shapes = (
        "0:48:1", "-64:48:1", "64:48:0", "65:48:1", "64:48:3", "999999999:999999999:1", "64", "64:48:1:1",
        "", "64.0:48:1",
    )  # fmt: skip
    for number, shape in enumerate(shapes):
        yield f"shape-{number:02}", xisf(_DATA, replacements=[('geometry="64:48:1"', f'geometry="{shape}"')])
    for name in ("UInt8x", "", "Int16", "UInt32", "Float32", "Float64", "UInt64", "Complex32"):
        yield f"sample-{name}", xisf(_DATA, replacements=[("UInt16", name)])
    for codec in ("zlib", "lz4", "zstd"):
        true = f'"{codec}:{size}"'
        lies = (
            f"{codec}:{size + 1}", f"{codec}:{size - 1}", f"{codec}:0", f"{codec}:999999999999999", codec,
            f"{codec}:-1",
            f"{codec}:x", f"{codec}+sh:{size}:0", f"{codec}+sh:{size}:999", f"x{codec}:{size}", f"{codec}+xx:{size}",
        )  # fmt: skip
        for number, lie in enumerate(lies):
            yield f"{codec}-{number:02}", xisf(_DATA, codec=codec, replacements=[(true, f'"{lie}"')])
        for number, lie in enumerate(("1,1", "x", "9999999,6144", "10,99999999999", ":".join(["1,1"] * 700))):
            changed = [(" compression", f' subblocks="{lie}" compression')]
            if len(lie) < 3000:
                yield f"{codec}-subblocks-{number}", xisf(_DATA, codec=codec, replacements=changed)
    for other in ("5000:100", "4096:6144", "4095:2"):
        thing = f'<Property id="x" type="ByteArray" location="attachment:{other}"/>'
        yield f"overlap-{other[:4]}", xisf(_DATA, outside=thing)
    for attribute in ("byteOrder", "pixelStorage", "bounds", "checksum"):
        yield f"attribute-{attribute}", xisf(_DATA, attributes=f' {attribute}="1:nonsense"')


def _bombs() -> Iterator[tuple[str, bytes]]:
    for codec in ("zlib", "lz4hc", "zstd"):
        small = np.zeros((4, 4), "<u2")
        yield f"bomb-more-{codec}", xisf(small, codec=codec, stored_as=pack(codec, bytes(10_000_000)))
        for side in (6_000, 14_000, 100_000):
            claims = [
                ('geometry="4:4:1"', f'geometry="{side}:{side}:1"'),
                (f"{codec}:32", f"{codec}:{side * side * 2}"),
            ]
            packed = pack(codec, bytes(side * side * 2)) if side == 6_000 else pack(codec, bytes(1000))
            yield f"bomb-{codec}-{side}", xisf(small, codec=codec, stored_as=packed, replacements=claims)


def _headers() -> Iterator[tuple[str, bytes]]:
    content = xisf(_DATA)
    for length in (0, 1, 15, 40, 4081, 5000, len(content), 2**31 - 1, 2**31, 2**32 - 1):
        yield f"length-{length}", content[:8] + struct.pack("<I", length) + content[12:]
    laughs = "".join(f'<!ENTITY a{number} "{f"&a{number - 1};" * 10}">' for number in range(1, 10))
    wrong = {
        "laughs": f'<!DOCTYPE x [<!ENTITY a0 "ha">{laughs}]><xisf>&a9;</xisf>',
        "quadratic": f'<!DOCTYPE x [<!ENTITY a "{"a" * 100_000}">]><xisf>{"&a;" * 10_000}</xisf>',
        "external": '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><xisf>&a;</xisf>',
        "parameter": '<!DOCTYPE x [<!ENTITY % a SYSTEM "http://127.0.0.1:1/x"> %a;]><xisf/>',
        "undefined-entity": "<xisf>&nothing;</xisf>",
        "deep": "<a>" * 100_000,
        "deep-closed": "<xisf>" + "<a>" * 5000 + "</a>" * 5000 + "</xisf>",
        "attributes": "<xisf><Image " + " ".join(f'a{number}="1"' for number in range(50_000)) + "/></xisf>",
        "twice": '<xisf><Image geometry="1:1:1" geometry="2:2:1"/></xisf>',
        "two-roots": "<xisf/><xisf/>",
        "unclosed": "<xisf><Image",
        "no-image": "<xisf></xisf>",
        "long-attribute": f'<xisf><Image geometry="{"9" * 1_000_000}"/></xisf>',
        "keywords": "<xisf><Image>" + '<FITSKeyword name="A" value="1" comment=""/>' * 30_000 + "</Image></xisf>",
        "comment": "<xisf><!-- " + "x" * 100_000,
    }
    for name, xml in wrong.items():
        yield f"xml-{name}", _with(xml.encode())
    yield "xml-utf16", _with("<xisf/>".encode("utf-16"))
    yield "xml-latin1", _with(b'<xisf a="\xff\xfe"/>')
    yield "xml-zero", _with(b"<xisf>\0</xisf>")


def _with(xml: bytes) -> bytes:
    return b"XISF0100" + struct.pack("<II", len(xml), 0) + xml
