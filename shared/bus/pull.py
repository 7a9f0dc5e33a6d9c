"""Pulling batches from a durable consumer.

Used in place of FastStream's own loop, which loses what it has fetched (until ``ack_wait`` brings it again) whenever
nats-py's ``fetch`` ends with the plain ``TimeoutError`` that FastStream does not expect: measured on faststream 0.7.8
with nats-py 2.16.0, several times a minute under load. Here no request outlives its batch:

1. Ask for what is there (``no_wait``). With nothing there, wait for one message.
2. Where the batch is not full, let ``fill_s`` pass and ask once more.

Requests are limited by number alone. With ``max_bytes`` nats-server 2.15.1 delivered messages a second time that were
being worked on, whatever ``in_progress`` said.
"""

import asyncio
import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from shared.bus.private import read_headers_by
from shared.description import Consumer
from shared.logging import get_logger

log = get_logger(__name__)

WAIT_S = 5.0
"""How long one request for the next message stays open."""
GRACE_S = 3.0
"""How much later than the server a request is given up here."""
PAUSE_S = 1.0
"""Before asking again a server that is away, or that does not know the consumer; the watchdog notices the latter."""
_USUAL_ENDS = frozenset({"404", "408"})
"""No messages; the request's time is over."""
_BLANKS = " \t\v\f"


class Puller:
    """Fetches batches of one consumer over one subscription; messages that come late join the next batch."""

    def __init__(self, client: Client, row: Consumer) -> None:
        self._client = client
        self._row = row
        self._inbox = client.new_inbox()
        self._request_subject = f"$JS.API.CONSUMER.MSG.NEXT.{row.stream}.{row.durable}"
        self._requests = 0
        self._messages: list[Msg] = []
        self._wanted = 0
        self._reply = ""
        self._status = ""
        self._ended = asyncio.Event()
        self._subscription: Any = None

    async def start(self) -> None:
        """Subscribe to the answers. Their number is limited by the requests, so nothing else limits it."""
        read_headers_by(self._client, Headers)
        self._subscription = await self._client.subscribe(
            f"{self._inbox}.*", cb=self._take, pending_msgs_limit=-1, pending_bytes_limit=-1
        )

    async def stop(self) -> None:
        """End the subscription; what was fetched and not acknowledged is delivered again."""
        if self._subscription is not None and not self._client.is_closed:
            with contextlib.suppress(NatsError):  # the connection is draining or gone, and the subscription with it
                await self._subscription.unsubscribe()

    async def next_batch(self) -> list[Msg]:
        """One to ``batch_size`` messages, or none where none came within a few seconds."""
        size = self._row.batch_size
        if len(self._messages) < size:
            await self._request(size - len(self._messages), None)
        if not self._messages:
            await self._request(1, WAIT_S)
        if 0 < len(self._messages) < size:
            await asyncio.sleep(self._row.fill_s)
            await self._request(size - len(self._messages), None)
        batch, self._messages = self._messages[:size], self._messages[size:]
        return batch

    async def _request(self, count: int, wait_s: float | None) -> None:
        """Ask for messages and wait for them, or for the server's word that there are no more."""
        if not self._client.is_connected:
            await asyncio.sleep(PAUSE_S)  # else every request of an outage would be sent and answered at its end
            return
        self._requests += 1
        self._reply = f"{self._inbox}.{self._requests}"
        self._wanted, self._status = len(self._messages) + count, ""
        self._ended.clear()
        request: dict[str, object] = {"batch": count}
        request |= {"no_wait": True} if wait_s is None else {"expires": int(wait_s * 1e9)}
        try:
            await self._client.publish(self._request_subject, json.dumps(request).encode(), self._reply)
            async with asyncio.timeout((wait_s or 0.0) + GRACE_S):
                await self._ended.wait()
        except TimeoutError:
            return  # a connection that broke; nats-py mends it, and what was under way joins a later batch
        except NatsError as error:
            self._status = str(error) or type(error).__name__
        if self._status and self._status not in _USUAL_ENDS:
            log.warning("pull refused", consumer=self._row.durable, status=self._status)
            await asyncio.sleep(PAUSE_S)

    async def _take(self, message: Msg) -> None:
        if message.reply:
            self._messages.append(message)
            if len(self._messages) >= self._wanted:
                self._ended.set()
        elif message.subject == self._reply:
            self._status = (message.headers or {}).get("Status", "")
            if self._status != "100":  # a heartbeat, or flow control
                self._ended.set()


class Headers(Mapping[str, str]):
    """The headers of a message, as nats-py's own parser gives them, read from their lines when somebody asks.

    That one looks at each character of each name in Python, which makes a third of what receiving an event costs
    (nats-py 2.16.0: 7.5 us for eight headers), and most handlers never ask.
    """

    __slots__ = ("_lines", "_raw")

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._lines: dict[str, str] | None = None

    def __bool__(self) -> bool:
        """A block that was sent counts as headers, without a look at them."""
        return True

    def __getitem__(self, name: str) -> str:
        """The value of a header; KeyError where it was not sent."""
        return self._read()[name]

    def __iter__(self) -> Iterator[str]:
        """The names."""
        return iter(self._read())

    def __len__(self) -> int:
        """Number of headers."""
        return len(self._read())

    def __repr__(self) -> str:
        """The headers, for logs."""
        return repr(self._read())

    def _read(self) -> dict[str, str]:
        if self._lines is None:
            lines = (line.partition(":") for line in self._raw.decode("utf-8", "replace").split("\r\n"))
            self._lines = {name: value.strip(_BLANKS) for name, colon, value in lines if colon}
        return self._lines
