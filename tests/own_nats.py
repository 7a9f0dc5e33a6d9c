"""A NATS for the tests of one module, whose users and passwords they change: a module that wants it imports both."""

from collections.abc import Iterator

import pytest

from tests.stack import NatsServer, embedded_nats, empty_nats

__all__ = ["nats_of_the_module", "nats_server"]


@pytest.fixture(scope="module")
def nats_of_the_module() -> Iterator[NatsServer]:
    """The one that all tests of the module share."""
    with embedded_nats() as server:
        yield server


@pytest.fixture
async def nats_server(nats_of_the_module: NatsServer) -> NatsServer:
    """That server without streams, in place of the one of the run."""
    await empty_nats(nats_of_the_module)
    return nats_of_the_module
