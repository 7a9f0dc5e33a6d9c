"""The addresses of several servers in nats.url."""

import asyncio
import socket

import pytest

from services.cli.connection import Stack, bus
from shared.bus.broker import connect, make_broker
from shared.errors import UserError
from shared.settings import NatsSettings, Settings
from tests.moto_server import free_port
from tests.stack import NatsServer


def beside(settings: NatsSettings, *, first: bool) -> NatsSettings:
    """The same settings with the address of a server that is not there, before or behind the other."""
    away = f"nats://127.0.0.1:{free_port()}"
    return settings.model_copy(update={"url": f"{away}, {settings.url}" if first else f"{settings.url},{away}"})


@pytest.mark.parametrize("first", [True, False])
async def test_a_client_finds_the_server_that_is_there(
    settings: Settings, nats_server: NatsServer, first: bool
) -> None:
    """A plain client, the broker of a service and a command reach it, wherever it stands in the list."""
    where = beside(nats_server.settings, first=first)
    client = await connect(where, "test")
    assert client.is_connected
    await client.close()
    broker = make_broker(where, "stats")
    async with asyncio.timeout(20):
        await broker.connect()
    await broker.stop()
    stack = Stack(settings.model_copy(update={"nats": where}), None)
    async with asyncio.timeout(20), bus(stack) as commanding:
        assert commanding.is_connected


async def test_a_command_names_all_servers_that_do_not_answer(settings: Settings) -> None:
    """Where none answers the sentence names each, without what it logs in with, and does not take long."""
    with socket.socket() as one, socket.socket() as other:
        ports = []
        for taken in (one, other):
            taken.bind(("127.0.0.1", 0))
            ports.append(taken.getsockname()[1])
        url = f"nats://somebody:sesame@127.0.0.1:{ports[0]},nats://127.0.0.1:{ports[1]}"
        stack = Stack(settings.model_copy(update={"nats": settings.nats.model_copy(update={"url": url})}), None)
        said = rf"NATS at 127.0.0.1:{ports[0]}, (nats://)?127.0.0.1:{ports[1]} does not"
        with pytest.raises(UserError, match=said) as told:
            async with asyncio.timeout(20), bus(stack):
                raise AssertionError("nobody is there")
    assert "sesame" not in str(told.value)
