"""The FastStream broker, made so that it avoids what was measured to go wrong (docs/adr/0002).

Reconnects for ever (a connection that gives up leaves a busy loop), pings every 20 s (a half-open connection is
noticed), does not decode (every message is parsed, judged and acknowledged by itself in ``delivery``), and never
declares streams.
"""

from typing import Any

from faststream.nats import NatsBroker
from faststream.security import BaseSecurity, SASLPlaintext
from nats.aio.client import Client
from nats.js import JetStreamContext

from shared.bus.names import inbox_of
from shared.bus.private import client_of
from shared.errors import UserError
from shared.logging import get_logger
from shared.settings import NatsSettings

log = get_logger(__name__)

PING_INTERVAL_S = 20
RECONNECT_WAIT_S = 1
GRACEFUL_TIMEOUT_S = 20.0
"""How long a stopping service waits for handlers in flight; below a pod's 30 s grace period."""
PUBLISH_TIMEOUT_S = 10.0


async def _undecoded(message: Any) -> Any:
    return message.raw_message


def make_broker(settings: NatsSettings, service: str) -> NatsBroker:
    """A broker that hands raw messages to ``shared.bus.delivery``; not connected yet."""
    login = settings.login(service)
    security: BaseSecurity | None = SASLPlaintext(*login) if login else None

    async def on_error(error: Exception) -> None:
        log.warning("nats error", error=repr(error))

    async def on_disconnect() -> None:
        if not client_of(broker).is_closed:  # by ourselves, as every stopping service does
            log.warning("nats disconnected")

    async def on_reconnect() -> None:
        log.info("nats reconnected")

    broker = NatsBroker(
        settings.servers,
        name=f"nightbus-{service}",
        security=security,
        inbox_prefix=inbox_of(service),
        allow_reconnect=True,
        max_reconnect_attempts=-1,
        reconnect_time_wait=RECONNECT_WAIT_S,
        ping_interval=PING_INTERVAL_S,
        graceful_timeout=GRACEFUL_TIMEOUT_S,
        error_cb=on_error,
        disconnected_cb=on_disconnect,
        reconnected_cb=on_reconnect,
        apply_types=False,
        decoder=_undecoded,
        logger=None,
    )
    return broker


def jetstream_of(broker: NatsBroker) -> JetStreamContext:
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
        UserError: the user's password cannot be read, or the server refuses it.
    """
    name, password = settings.login(user) or (None, None)

    client = Client()
    begun = False

    async def on_error(error: Exception) -> None:
        """Failed attempts are reported by the exception, not one by one; a login that is refused needs no second."""
        if not begun and "authorization violation" in str(error).lower():
            raise UserError(f"NATS at {settings.place} refuses the login of {name or 'nobody'}")

    try:
        await client.connect(
            settings.servers,
            name=f"nightbus-{user}",
            user=name,
            password=password,
            inbox_prefix=inbox_of(user),
            allow_reconnect=patient,
            max_reconnect_attempts=-1 if patient else 1,
            reconnect_time_wait=RECONNECT_WAIT_S,
            ping_interval=PING_INTERVAL_S,
            connect_timeout=2,
            error_cb=on_error,
        )
    except UserError:
        await client.close()
        raise
    begun = True
    return client
