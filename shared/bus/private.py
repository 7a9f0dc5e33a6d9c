"""The parts of FastStream and nats-py that their documentation does not promise: all that we use of them is here.

Each function says what there is no public way for. The versions that this was written for are in ``WRITTEN_FOR``; a
test compares them with those that are installed and looks at each part, so that an upgrade is a decision
(docs/adr/0017).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from faststream.nats import NatsBroker
from faststream.nats.subscriber.usecases.stream_pull_subscriber import BatchPullStreamSubscriber
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

WRITTEN_FOR = {"faststream": "0.7.8", "nats-py": "2.16.0"}
PullSubscriber = BatchPullStreamSubscriber
"""What FastStream makes of a subscription that pulls batches."""


def client_of(broker: NatsBroker) -> Client:
    """The nats-py client of a connected broker, for JetStream's own API and for requests."""
    client: Client = broker.config.broker_config.connection_state.connection
    return client


def client_of_context(js: JetStreamContext) -> Client:
    """The client of a JetStream context, which says by itself neither whether it is connected nor what it may send."""
    return js._nc  # noqa: SLF001


def replace_pull_loop(subscriber: PullSubscriber, loop: Callable[[], Awaitable[None]]) -> None:
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
