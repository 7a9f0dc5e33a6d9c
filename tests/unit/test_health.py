"""The health pages among many connections, and how many descriptors a process has."""

import asyncio
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest

from shared import health
from shared.descriptors import raise_limit
from shared.health import health_pages
from shared.settings import HealthSettings

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def pages() -> AsyncIterator[int]:
    """The pages of a process; their port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    async with health_pages(HealthSettings(port=port), {}), asyncio.timeout(30):
        while not await answers(port):
            await asyncio.sleep(0.05)
        yield port


async def answers(port: int) -> bool:
    """Whether the page says that the process lives."""
    try:
        async with httpx.AsyncClient() as client:
            return (await client.get(f"http://127.0.0.1:{port}/livez")).text == "ok\n"
    except httpx.ConnectError:
        return False


@asynccontextmanager
async def crowd(port: int, count: int) -> AsyncIterator[list[Connection]]:
    """So many connections that ask nothing, one after the other."""
    found = [await asyncio.open_connection("127.0.0.1", port) for _ in range(count)]
    yield found
    for _reader, writer in found:
        writer.transport.abort()


async def until_closed(connections: list[Connection], count: int) -> None:
    """Wait until so many of them were closed by the other side."""
    while sum(reader.at_eof() or reader.exception() is not None for reader, _writer in connections) < count:
        await asyncio.sleep(0.05)


async def test_a_crowd_of_connections_leaves_descriptors_and_shuts_nobody_out() -> None:
    """Connections that ask nothing are few: the oldest gives way to the next, and the pages go on answering."""
    async with pages() as port, crowd(port, 3 * health.MOST_CONNECTIONS) as connections:
        assert await answers(port)
        await until_closed(connections, 2 * health.MOST_CONNECTIONS)
        assert await answers(port)


async def test_who_asks_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that has asked nothing for a while is closed, also one that stops in the middle of its question."""
    monkeypatch.setattr(health, "ASK_WITHIN_S", 0.2)
    async with pages() as port, crowd(port, 2) as connections:
        connections[0][1].write(b"GET /livez HT")
        await until_closed(connections, 2)
        assert await answers(port)


@pytest.fixture
def hard_limit() -> Iterator[int]:
    """The hard limit of descriptors, with a soft one below it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_process_uses_the_descriptors_that_it_may_have(hard_limit: int) -> None:
    """The soft limit of 1,024 that shells give is raised to what the system allows, within reason."""
    assert raise_limit() > 512
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (raise_limit(), hard_limit)
