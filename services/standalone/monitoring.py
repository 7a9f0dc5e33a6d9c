"""What a NATS server on loopback says of itself: its monitoring pages, and the greeting of its client port."""

import asyncio
import contextlib
import json
from typing import Any, NamedTuple

from services.standalone.home import LOOPBACK
from services.standalone.jetstream import DETAILS, Served
from services.standalone.process import ANSWER_TIMEOUT_S, ProcessFailed


class Monitor(NamedTuple):
    """One server: the ports of its clients and of its pages."""

    port: int
    monitor_port: int

    async def page(self, path: str) -> tuple[bool, bytes] | None:
        """Whether a monitoring page is well, and its content; None where nothing answers.

        /healthz covers the client port and JetStream's recovery.
        """
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                reader, writer = await asyncio.open_connection(LOOPBACK, self.monitor_port)
                try:
                    writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
                    answer = await reader.read()
                finally:
                    writer.close()
                    with contextlib.suppress(OSError):
                        await writer.wait_closed()
        except (OSError, TimeoutError):
            return None
        head, _, body = answer.partition(b"\r\n\r\n")
        return (b" 200 " in head.split(b"\r\n", 1)[0], body) if head else None

    async def greets(self) -> bool:
        """Whether the client port answers; it is opened once the store was read."""
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                reader, writer = await asyncio.open_connection(LOOPBACK, self.port)
                try:
                    return (await reader.readline()).startswith(b"INFO ")
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False

    async def served(self) -> Served:
        """What it serves.

        Raises:
            ProcessFailed: it does not say so.
        """
        page = await self.page(DETAILS)
        if page is None or not page[0]:
            raise ProcessFailed("nats does not say what it serves")
        return Served.of(json.loads(page[1]))

    async def configured_at(self) -> str | None:
        """When it read its configuration last, in its own words; None where it does not answer."""
        page = await self.page("/varz")
        if page is None or not page[0]:
            return None
        facts: dict[str, Any] = json.loads(page[1])
        return str(facts["config_load_time"])
