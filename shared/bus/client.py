"""Our client of NATS: nats-py's, which is told what it must never do.

- The password is read anew at each login, so that one that is changed while we run opens the next connection. A login
  that is refused later on is tried again: in the middle of a change the file and the server differ. nats-py would
  close for good, and FastStream's own reporting would end the task that reconnects.
- To a server that may be reached in encrypted form alone nothing is sent, no password first of all, before TLS is up.
  nats-py encrypts where the server says so, and whoever stands in between may leave that word out.

What of nats-py it overrides is private there: ``tests/unit/bus/test_bus_private.py`` looks at each part.
"""

import ssl
from collections.abc import Awaitable, Callable
from typing import Any

from nats.aio.client import Client
from nats.errors import AuthorizationError
from nats.errors import Error as NatsError

from shared.bus.names import inbox_of
from shared.bus.private import encrypts
from shared.encryption import distrust, unencrypted
from shared.errors import UserError
from shared.settings import NatsSettings

REFUSED = "authorization violation"
"""What the server answers to a login that it does not know."""

Report = Callable[[Exception], Awaitable[None]]


class Unusable(NatsError):
    """No attempt to connect can succeed as things are; the sentence says why. Later it may."""


class NightbusClient(Client):
    """A client of one user of NATS."""

    def __init__(self, settings: NatsSettings, user: str) -> None:
        super().__init__()
        self._where = settings
        self._login_name = user
        self._was_connected = False

    async def connect(self, *, error_cb: Report, **options: Any) -> None:  # type: ignore[override]
        """Connect, and wait for a server that is not there yet, unless ``options`` forbid it.

        ``error_cb`` hears of failures once there was a connection.

        Raises:
            UserError: the server refuses the login, does not encrypt though it must, or is not trusted.
            nats.errors.Error: it is away, and is not waited for.
        """

        async def on_error(error: Exception) -> None:
            if self._was_connected:
                await error_cb(error)
            elif (sentence := self._refusal(error)) is not None:
                raise UserError(sentence) from error

        try:
            await super().connect(
                self._where.servers, error_cb=on_error, inbox_prefix=inbox_of(self._login_name), **options
            )
        except UserError:
            await self.close()
            raise
        self._was_connected = True

    @property
    def ssl_context(self) -> ssl.SSLContext:
        """TLS for the next connection, with the certificates that are trusted now."""
        try:
            return self._where.tls()
        except UserError as error:
            raise Unusable(str(error)) from error

    async def _process_connect_init(self) -> None:
        """Greet a server, encrypt and log in. A connection that came to nothing is dropped, and not waited for.

        After a handshake of TLS that failed, asyncio never says that the connection is closed (Python 3.11).
        """
        try:
            await super()._process_connect_init()
        except (OSError, TimeoutError, NatsError):
            if self._transport is not None:
                self._transport.close()  # type: ignore[no-untyped-call]
            self._transport = None
            raise

    def _connect_command(self) -> bytes:
        """The words of a login, the password as it is now.

        Raises:
            Unusable: they must not be said here, or there is no password.
        """
        host = (self._current_server.uri.hostname if self._current_server else None) or ""
        if self._where.demands_tls(host) and not encrypts(self):
            raise Unusable(unencrypted(f"NATS at {self._where.place}", "nats"))
        try:
            login = self._where.login(self._login_name)
        except UserError as error:
            raise Unusable(str(error)) from error
        if login is not None:
            self.options["user"], self.options["password"] = login
        return super()._connect_command()

    async def _process_err(self, err_msg: str) -> None:
        """What the server says is wrong: a login that no longer holds is tried anew."""
        if REFUSED in err_msg:
            await self._process_op_err(AuthorizationError())
        else:
            await super()._process_err(err_msg)

    def _refusal(self, error: Exception) -> str | None:
        """The sentence for a failure to connect that no patience helps; None for a server that is away."""
        server = f"NATS at {self._where.place}"
        if isinstance(error, Unusable):
            return str(error)
        if isinstance(error, ssl.SSLCertVerificationError):
            return distrust(error, server, "nats.ca_file")
        if REFUSED in str(error).lower():
            login = self._where.login(self._login_name)
            return f"{server} refuses the login of {login[0] if login else 'nobody'}"
        return None
