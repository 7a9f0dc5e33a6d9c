"""The FastStream broker, made so that it avoids what was measured to go wrong (docs/adr/0002).

Reconnects for ever (a connection that gives up leaves a busy loop), pings every 20 s (a half-open connection is
noticed), does not decode (every message is parsed, judged and acknowledged by itself in ``delivery``), and never
declares streams.
"""

from functools import partial
from typing import TYPE_CHECKING, Any

from nats.aio.client import Client
from nats.js import JetStreamContext

from shared.bus.client import NightbusClient
from shared.bus.private import client_of, connect_by
from shared.logging import get_logger
from shared.settings import NatsSettings

if TYPE_CHECKING:  # who connects as a plain client has no time and room for FastStream
    from faststream.nats import NatsBroker

log = get_logger(__name__)

PING_INTERVAL_S = 20
RECONNECT_WAIT_S = 1
GRACEFUL_TIMEOUT_S = 20.0
"""How long a stopping service waits for handlers in flight; below a pod's 30 s grace period."""
PUBLISH_TIMEOUT_S = 10.0
_DECIDED_HERE = frozenset(
    {
        "servers",
        "inbox_prefix",
        "tls",
        "tls_hostname",
        "user",
        "password",
        "error_cb",
        "disconnected_cb",
        "reconnected_cb",
    }
)
"""Options of nats-py that FastStream would give for us."""


async def _undecoded(message: Any) -> Any:
    return message.raw_message


def make_broker(settings: NatsSettings, service: str) -> "NatsBroker":
    """A broker that hands raw messages to ``shared.bus.delivery``; not connected yet.

    To connect raises UserError where the server refuses the login, does not encrypt though it must, or is not trusted.
    """
    from faststream.nats import NatsBroker

    broker = NatsBroker(
        settings.servers,
        name=f"nightbus-{service}",
        allow_reconnect=True,
        max_reconnect_attempts=-1,
        reconnect_time_wait=RECONNECT_WAIT_S,
        ping_interval=PING_INTERVAL_S,
        graceful_timeout=GRACEFUL_TIMEOUT_S,
        apply_types=False,
        decoder=_undecoded,
        logger=None,
    )
    connect_by(broker, partial(_client, settings, service))
    return broker


async def _client(settings: NatsSettings, user: str, **options: Any) -> Client:
    """A connected client; of FastStream's options those that are not our client's own."""
    client = NightbusClient(settings, user)

    async def on_disconnect() -> None:
        if not client.is_closed:  # by ourselves, as every stopping service does
            log.warning("nats disconnected")

    async def on_reconnect() -> None:
        log.info("nats reconnected")

    own = {name: value for name, value in options.items() if name not in _DECIDED_HERE}
    await client.connect(error_cb=_report, disconnected_cb=on_disconnect, reconnected_cb=on_reconnect, **own)
    return client


async def _report(error: Exception) -> None:
    log.warning("nats error", error=repr(error))


def jetstream_of(broker: "NatsBroker") -> JetStreamContext:
    """The JetStream context of a connected broker."""
    return client_of(broker).jetstream(timeout=PUBLISH_TIMEOUT_S, publish_async_max_pending=1000)


async def connect(settings: NatsSettings, user: str, *, patient: bool = True) -> Client:
    """A plain client, for provisioning, the janitor and tests.

    Args:
        settings: where NATS is.
        user: who logs in, where NATS has a login for each.
        patient: wait for a server that is not there yet; otherwise fail at once.

    Raises:
        nats.errors.NoServersError: not patient and nobody answers.
        UserError: the password cannot be read, or the server refuses it, does not encrypt though it must, or is not
            trusted.
    """
    client = NightbusClient(settings, user)
    await client.connect(
        name=f"nightbus-{user}",
        allow_reconnect=patient,
        max_reconnect_attempts=-1 if patient else 1,
        reconnect_time_wait=RECONNECT_WAIT_S,
        ping_interval=PING_INTERVAL_S,
        connect_timeout=2,
        error_cb=_report,
    )
    return client
