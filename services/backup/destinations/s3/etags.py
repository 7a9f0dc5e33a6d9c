"""ETags: of an object that was put the MD5, of one made of parts the MD5 of their MD5s, where the server says so.

A server that encrypts with keys of its own (SSE-KMS, SSE-C) gives ETags that look alike and are no MD5; others give
something of another shape, or nothing. Those prove nothing.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

_SHAPE = re.compile(r"[0-9a-f]{32}(-[0-9]+)?")
_PLAIN = frozenset(("", "AES256", "None"))


def of_bytes(md5: bytes) -> str:
    """The ETag of an object or part that was put in one go."""
    return md5.hex()


def of_parts(md5s: Iterable[bytes]) -> str:
    """The ETag of an object that was made of parts."""
    known = list(md5s)
    return f"{hashlib.md5(b''.join(known), usedforsecurity=False).hexdigest()}-{len(known)}"


def is_md5(etag: str | None) -> bool:
    """Whether a plain ETag has the shape of an MD5, or of one of parts."""
    return etag is not None and _SHAPE.fullmatch(etag) is not None


def plain(etag: object) -> str:
    """An ETag without quotes, which some servers leave out themselves."""
    return str(etag or "").strip().removeprefix("W/").strip('"')


def proves(answer: Mapping[str, Any], expected: str) -> bool | None:
    """Whether the ETag in an answer is the expected one; None where it says nothing of the bytes."""
    found = plain(answer.get("ETag")).lower()
    if found == expected:
        return True
    encrypted = answer.get("ServerSideEncryption") or ""
    if encrypted not in _PLAIN or answer.get("SSECustomerAlgorithm") or not is_md5(found):
        return None
    # Some servers give an object of parts a plain MD5 of something: only ETags of one shape can be compared.
    return False if ("-" in found) == ("-" in expected) else None
