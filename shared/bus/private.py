"""The parts of FastStream and nats-py that their documentation does not promise.

All that we use of them is here, but for the methods that our own client overrides (``shared.bus.client``). Each
function says what there is no public way for. The versions that this was written for are in ``WRITTEN_FOR``; a
test compares them with those that are installed and looks at each part, so that an upgrade is a decision
(docs/adr/0017).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import APIError

if TYPE_CHECKING:  # the command line has a client of NATS, and no time for the imports of FastStream
    from faststream.nats import NatsBroker
    from faststream.nats.subscriber.usecases.stream_pull_subscriber import BatchPullStreamSubscriber

    PullSubscriber: TypeAlias = BatchPullStreamSubscriber
    """What FastStream makes of a subscription that pulls batches."""

WRITTEN_FOR = {"faststream": "0.7.8", "nats-py": "2.16.0"}


def client_of(broker: "NatsBroker") -> Client:
    """The nats-py client of a connected broker, for JetStream's own API and for requests."""
    client: Client = broker.config.broker_config.connection_state.connection
    return client


def client_of_context(js: JetStreamContext) -> Client:
    """The client of a JetStream context, which says by itself neither whether it is connected nor what it may send."""
    return js._nc  # noqa: SLF001


def connect_by(broker: "NatsBroker", connect: Callable[..., Awaitable[Client]]) -> None:
    """Have a broker connect by ``connect``, which is given nats-py's options, in place of nats-py's own client."""

    async def connected() -> Client:
        client = await connect(**broker._connection_kwargs)  # noqa: SLF001
        broker.config.connect(client)
        return client

    broker._connect = connected  # type: ignore[method-assign]  # noqa: SLF001


def encrypts(client: Client) -> bool:
    """Whether what a client sends over its present connection is encrypted."""
    writer = getattr(client._transport, "_io_writer", None)  # noqa: SLF001
    return writer is not None and writer.get_extra_info("ssl_object") is not None


def tell_refusals(js: JetStreamContext) -> None:
    """Have a publish that the stream refuses fail at once, with the reason.

    nats-py raises the refusal where its subscription handles the answer. Nobody hears of it there, and who published
    waits to the end of its patience.
    """
    if "_handle_async_reply" in vars(js):
        return
    handle = js._handle_async_reply  # noqa: SLF001

    async def handled(answer: Msg) -> None:
        try:
            await handle(answer)
        except APIError as refusal:
            waiting = js._publish_async_futures.get(answer.subject.rpartition(".")[2])  # noqa: SLF001
            if waiting is not None and not waiting.done():
                waiting.set_exception(refusal)

    js._handle_async_reply = handled  # type: ignore[method-assign,assignment]  # noqa: SLF001


def replace_pull_loop(subscriber: "PullSubscriber", loop: Callable[[], Awaitable[None]]) -> None:
    """Give a subscriber a loop of ours, before FastStream starts it.

    ``shared.bus.pull`` says what is wrong with its own. It restarts a failed loop without a word and without a pause.
    """
    subscriber._consume_pull = loop  # type: ignore[method-assign,assignment]  # noqa: SLF001


def read_headers_by(client: Client, parse: Callable[[bytes], Mapping[str, str]]) -> None:
    """Have a client parse headers by ``parse``."""
    client._parse_header_lines = parse  # type: ignore[assignment,method-assign]  # noqa: SLF001


async def acknowledge_together(messages: Sequence[Msg]) -> None:
    """Acknowledge messages of one client in one write; nats-py has no call for many."""
    client = messages[0]._client  # noqa: SLF001
    await client._send_command(b"".join(b"PUB %b 0\r\n\r\n" % message.reply.encode() for message in messages))  # noqa: SLF001
    await client._flush_pending()  # noqa: SLF001
    for message in messages:
        message._ackd = True  # noqa: SLF001
