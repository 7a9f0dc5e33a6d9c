"""A door with TLS in front of a Postgres that has none, as that of the wheel: the start of the protocol, then bytes."""

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.tasks import beside
from tests.certificates import Certificate

_ASKS_FOR_TLS = struct.pack("!ii", 8, 80877103)
"""SSLRequest, in "Message Formats" of the PostgreSQL manual."""


@asynccontextmanager
async def with_tls(host: str, port: int, certificate: Certificate) -> AsyncIterator[int]:
    """Serve that Postgres with TLS on loopback; gives the port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.file, certificate.key)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if await reader.readexactly(len(_ASKS_FOR_TLS)) != _ASKS_FOR_TLS:
                return
            writer.write(b"S")
            await writer.drain()
            await writer.start_tls(context)
            there, back = await asyncio.open_connection(host, port)
            try:
                async with beside(_pass_on(reader, back), name="to Postgres"):
                    await _pass_on(there, writer)
            finally:
                back.close()
        except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            return  # who connects may not trust us, and goes
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        target.write(data)
        await target.drain()
    target.close()
