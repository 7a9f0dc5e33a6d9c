"""The watchdog: notices what the client library does not.

A durable consumer that was deleted, or a connection that looks alive and is not, leaves a pull loop that never delivers
(reliability: nothing in 12 s, ping still true). The watchdog asks the server itself; when the answer is bad it ends the
service with exit code 75, and whoever started it starts it again; `nightbus up` provisions before it does. Of a good
answer is measured how far each consumer has come.
"""

import asyncio
from collections.abc import Callable, Sequence

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo
from nats.js.errors import Error as JetStreamError

from shared.bus.provision import verify
from shared.description import Consumer
from shared.errors import Unavailable
from shared.logging import get_logger
from shared.metrics import CONSUMER_PENDING, CONSUMER_UNACKNOWLEDGED

log = get_logger(__name__)

LOOK_EVERY_S = 5.0
SILENT_LIMIT_S = 120.0
"""A connection that calls itself connected but has not answered for this long is given up, and so is a closed one."""


class Watchdog:
    """Looks at the consumers and buckets of one service.

    ``reconnecting`` says whether the client is looking for a server. A closed one does not: nats-py closes for good
    when the server names any error other than a stale connection or a missing permission.
    """

    def __init__(
        self,
        js: JetStreamContext,
        consumers: Sequence[Consumer],
        reconnecting: Callable[[], bool],
        buckets: Sequence[str] = (),
    ) -> None:
        self._js = js
        self._consumers = consumers
        self._buckets = buckets
        self._reconnecting = reconnecting

    async def run(self) -> str:
        """Watch until something is wrong that only a restart mends.

        Returns:
            The reason, one sentence.
        """
        loop = asyncio.get_running_loop()
        answered_at = loop.time()
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                _measure(self._consumers, await verify(self._js, self._consumers, self._buckets))
                answered_at = loop.time()
            except Unavailable as error:
                return str(error)
            except (NatsError, JetStreamError, TimeoutError) as error:
                if self._reconnecting():
                    answered_at = loop.time()  # an outage is waited out
                    continue
                log.warning("nats does not answer", error=repr(error))
                if loop.time() - answered_at > SILENT_LIMIT_S:
                    return f"nats has not answered for {SILENT_LIMIT_S:.0f} s, and the client does not reconnect"


def _measure(consumers: Sequence[Consumer], found: Sequence[ConsumerInfo]) -> None:
    for row, info in zip(consumers, found, strict=True):
        labels = (row.service, row.subject, row.durable)
        CONSUMER_PENDING.labels(*labels).set(info.num_pending or 0)
        CONSUMER_UNACKNOWLEDGED.labels(*labels).set(info.num_ack_pending or 0)
