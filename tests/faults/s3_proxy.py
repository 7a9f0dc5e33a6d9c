"""An HTTP proxy before an S3 server that fails requests in every way that networks and servers know, by a seed.

It forwards each request on a connection of its own and closes the client's after each answer. Signatures stay valid:
the server sees the request as it was signed, unless a fault changes it.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

ANSWERS = {
    "408": ("408 Request Timeout", "RequestTimeout"),
    "409": ("409 Conflict", "OperationAborted"),
    "412": ("412 Precondition Failed", "PreconditionFailed"),
    "429": ("429 Too Many Requests", "TooManyRequests"),
    "500": ("500 Internal Server Error", "InternalError"),
    "503": ("503 Service Unavailable", "SlowDown"),
    "expired": ("403 Forbidden", "ExpiredToken"),
}
"""Faults that are an answer of the proxy's own; the server hears nothing of the request."""
ON_THE_WAY = ("timeout", "reset request", "reset answer", "slow", "changed request", "lost answer")
ALL = (*ANSWERS, *ON_THE_WAY)
_SLOW_S = 0.02
_HEAD_BYTES = 256 * 1024


@dataclass
class FaultProxy:
    """A proxy that runs. ``share`` is the part of the requests that fail; it may be changed at any time."""

    upstream: tuple[str, int]
    share: float
    kinds: Sequence[str]
    random: random.Random
    address: str = ""
    requests: int = 0
    faults: Counter[str] = field(default_factory=Counter)

    def choose(self, head: bytes) -> str | None:
        """The fault of a request, if it has one. The draw is made for each, so that a seed tells all of them."""
        fails, kind = self.random.random() < self.share, self.random.choice(self.kinds)
        self.requests += 1
        if not fails or (kind == "412" and b"if-none-match" not in head.lower()):
            return None  # nobody else could be answered so
        if kind == "changed request" and not head.startswith((b"PUT ", b"POST ")):
            return None
        self.faults[kind] += 1
        return kind


@asynccontextmanager
async def fault_proxy(
    upstream: str, *, seed: int, share: float = 0.1, kinds: Sequence[str] = ALL
) -> AsyncIterator[FaultProxy]:
    """A proxy before the server at ``upstream``, on a free port, for as long as the block lasts."""
    address = urlsplit(upstream)
    assert address.hostname is not None
    assert address.port is not None
    proxy = FaultProxy((address.hostname, address.port), share, kinds, random.Random(seed))
    clients: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        clients.add(writer)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await _serve(proxy, reader, writer)
        finally:
            clients.discard(writer)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=_HEAD_BYTES)
    proxy.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        for writer in tuple(clients):
            writer.transport.abort()
        while clients:
            await asyncio.sleep(0.01)


async def _serve(proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = _content_length(head)
    kind = proxy.choose(head)
    if _expects_more(head) and kind not in ANSWERS:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await writer.drain()
    if kind in ANSWERS:
        writer.write(_answer(kind, is_head=head.startswith(b"HEAD ")))
        await writer.drain()
        return
    if kind == "reset request":
        await reader.readexactly(length // 2)
        writer.transport.abort()
        return
    body = await reader.readexactly(length)
    if kind == "timeout":
        await reader.read()  # until the client has enough of it
        return
    if kind == "changed request" and body:
        at = proxy.random.randrange(len(body))
        body = body[:at] + bytes((body[at] ^ 0x20,)) + body[at + 1 :]
    answer = await _forward(proxy, head, body)
    if kind == "lost answer":
        writer.transport.abort()
    elif kind == "reset answer":
        writer.write(answer[: len(answer) // 2])
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.transport.abort()
    elif kind == "slow":
        for part in range(5):
            writer.write(answer[part * len(answer) // 5 : (part + 1) * len(answer) // 5])
            await writer.drain()
            await asyncio.sleep(_SLOW_S)
    else:
        writer.write(answer)
        await writer.drain()


async def _forward(proxy: FaultProxy, head: bytes, body: bytes) -> bytes:
    """The whole answer of the server."""
    lines = [
        line
        for line in head.removesuffix(b"\r\n\r\n").split(b"\r\n")
        if not line.lower().startswith((b"expect:", b"connection:"))
    ]
    reader, writer = await asyncio.open_connection(*proxy.upstream)
    try:
        writer.write(b"\r\n".join((*lines, b"Connection: close")) + b"\r\n\r\n" + body)
        await writer.drain()
        return await reader.read()
    finally:
        writer.close()


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def _expects_more(head: bytes) -> bool:
    return b"\r\nexpect: 100-continue" in head.lower()


def _answer(kind: str, *, is_head: bool) -> bytes:
    status, code = ANSWERS[kind]
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>by the proxy</Message></Error>".encode()
    lines = (f"HTTP/1.1 {status}", "Content-Type: application/xml", f"Content-Length: {len(body)}", "Connection: close")
    return "\r\n".join((*lines, "", "")).encode() + (b"" if is_head else body)
