"""What NATS does not answer, or refuses to, in the words of the house."""

from collections.abc import Iterator
from contextlib import contextmanager

from nats.errors import Error as NatsError

from shared.errors import Unavailable


@contextmanager
def answering(what: str) -> Iterator[None]:
    """Make a failure of NATS an outage of ``what``, such as `the stream NIGHTBUS`.

    Raises:
        Unavailable: NATS does not answer, or says that it cannot.
    """
    try:
        yield
    except (NatsError, TimeoutError) as error:
        raise Unavailable(f"{what} does not answer: {error or type(error).__name__}") from error
