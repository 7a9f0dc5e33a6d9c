"""Database failures in the house's words."""

import contextlib
from collections.abc import Iterator

import asyncpg

from shared.db.damage import REMEDY, damage, note
from shared.errors import Transient, Unavailable, UserError

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
_REFUSALS = (
    asyncpg.InvalidPasswordError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)
_TRY_AGAIN = (asyncpg.TransactionRollbackError, asyncpg.LockNotAvailableError)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn a database that is away, overloaded or damaged into Unavailable, and lost races too, to be tried again.

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
    except asyncpg.PostgresError as error:
        if (words := damage(error)) is None:
            raise
        note(words)
        raise Unavailable(f"{words}; {REMEDY}") from error


@contextlib.contextmanager
def admitted(host: str, port: int) -> Iterator[None]:
    """Turn a server's refusal of a new connection (password, role, database) into a sentence for who started us."""
    try:
        yield
    except _REFUSALS as error:
        raise UserError(f"Postgres at {host}:{port} refuses the connection: {error}") from error
