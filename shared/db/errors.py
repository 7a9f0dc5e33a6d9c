"""Database failures in the house's words."""

import contextlib
import ssl
from collections.abc import Iterator

import asyncpg

from shared.db.damage import REMEDY, damage, note
from shared.encryption import distrust, unencrypted
from shared.errors import Transient, Unavailable, UserError
from shared.settings import PostgresSettings

_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
_LOGIN_REFUSED = (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError)
_REFUSALS = (*_LOGIN_REFUSED, asyncpg.InvalidCatalogNameError)
_NO_TLS = "rejected SSL upgrade"
"""How asyncpg says that a server does not encrypt."""
_TRY_AGAIN = (asyncpg.TransactionRollbackError, asyncpg.LockNotAvailableError)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn a database that is away, overloaded or damaged into Unavailable, and lost races too, to be tried again.

    So is a login that is refused: of somebody who was let in before it means that the password is being changed.
    Errors about the data itself (a constraint, a value out of range) pass unchanged: they belong to one event.
    """
    try:
        yield
    except Transient:
        raise
    except (*_TRY_AGAIN, *_AWAY) as error:
        if isinstance(error, asyncpg.DataError):
            raise
        raise Unavailable(f"the database does not answer: {type(error).__name__}: {error}") from error
    except _LOGIN_REFUSED as error:
        raise Unavailable(f"the database refuses the login: {error}") from error
    except asyncpg.PostgresError as error:
        if (words := damage(error)) is None:
            raise
        note(words)
        raise Unavailable(f"{words}; {REMEDY}") from error


@contextlib.contextmanager
def admitted(settings: PostgresSettings) -> Iterator[None]:
    """Turn a server's refusal of a new connection into a sentence for who started us.

    It may be the password, the role or the database; or the server does not encrypt though it must, or is not trusted.
    """
    try:
        yield
    except (*_REFUSALS, OSError) as error:
        if (sentence := refusal(error, settings)) is None:
            raise
        raise UserError(sentence) from error


def refusal(error: BaseException, settings: PostgresSettings) -> str | None:
    """The sentence for a new connection that no patience helps; None where the server is merely away."""
    if isinstance(error, _REFUSALS):
        return f"{settings.place} refuses the connection: {error}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return distrust(error, settings.place, "postgres.ca_file")
    if isinstance(error, ConnectionError) and _NO_TLS in str(error):
        return unencrypted(settings.place, "postgres")
    return None
