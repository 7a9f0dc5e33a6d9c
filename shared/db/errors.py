"""Database failures in the house's words."""

import contextlib
from collections.abc import Iterator

import asyncpg

from shared.errors import Transient, Unavailable

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
_TRY_AGAIN = (asyncpg.TransactionRollbackError, asyncpg.LockNotAvailableError)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn a database that is away or overloaded into Unavailable, and lost races into the same, to be tried again.

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
