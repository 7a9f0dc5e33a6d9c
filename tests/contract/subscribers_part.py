"""The part of docs/events.md for people whose own programs read events."""

from collections.abc import Iterator

from shared.bus.names import EVENTS as STREAM
from shared.bus.names import inbox_of, subscriber_user
from shared.bus.streams import MAX_AGE_S, PAUSE_AT
from shared.bus.subscribers import ACK_WAIT_S, LONGEST_REQUEST_S, MOST_UNACKNOWLEDGED
from shared.events.envelope import headers_of
from tests.contract.examples import EVENTS

NAME = "my-lights"
_SAYS = {
    "Nats-Msg-Id": "the event id; of a deliberate re-emission with `/attempt` behind it",
    "ce-specversion": "of CloudEvents",
    "ce-id": "the event id, by which an event that comes twice is told",
    "ce-source": "the service that published it",
    "ce-type": "the subject",
}


def lines() -> Iterator[str]:
    """The part, line by line."""
    user = subscriber_user(NAME)
    yield "## For your own programs\n"
    yield (
        f"`nightbus subscribers add {NAME}` gives a program an account of NATS and a durable consumer of its own, and "
        "prints what it needs to log in. It may read and acknowledge what its consumer has for it; publishing, "
        "purging, deleting, looking at the stream and at the consumers of others are refused by the server, which does "
        "not do them by its answers either ([SECURITY](../SECURITY.md)). The whole "
        "way is in [subscribe to events](howto/subscribe.md); [examples](../examples) has a program in Python and one "
        "in JavaScript.\n"
    )
    yield "| What | Value |"
    yield "|---|---|"
    yield f"| User | `{user}`, with the password of its file |"
    yield f"| Stream and consumer | `{STREAM}`, `{user}`; a pull consumer with explicit acknowledgement |"
    yield f"| Inbox prefix | `{inbox_of(user)}`: in any other inbox it may not listen |"
    yield f"| A request waits for | at most {LONGEST_REQUEST_S:.0f} s |"
    yield f"| Acknowledged within | {ACK_WAIT_S:.0f} s, else the event is given again, without a limit |"
    yield f"| At once | at most {MOST_UNACKNOWLEDGED} events that are not acknowledged |"
    yield ""
    yield (
        f"Nothing waits for a subscriber. The stream keeps an event for {MAX_AGE_S / 86400:.0f} days; above "
        f"{PAUSE_AT:.0%} of its limit the janitor purges what all services are done with, whether a subscriber has "
        "read it or not. What was missed is in the views: an event says what happened, a [view](views.md) says how "
        "things are.\n"
    )
    yield (
        f"Replay: `nightbus subscribers add {NAME} --since 2026-01-10T21:00Z` begins with what the stream has kept "
        "since then, and goes on with what comes. A consumer keeps its place; to read again from another time, "
        "revoke it and add it anew, or add a second one.\n"
    )
    yield "Every message has these headers:\n"
    yield "| Header | Example | Meaning |"
    yield "|---|---|---|"
    example = next(event for event in EVENTS if event.subject == "file.scanned")
    for name, value in headers_of(example, "scanner").items():
        yield f"| `{name}` | `{value}` | {_SAYS[name]} |"
    yield ""
    yield "With the `nats` program of the NATS project:\n"
    yield "```sh"
    yield f'nats --server nats://127.0.0.1:4222 --user {user} --password "$(cat FILE)" \\'
    yield f"    --inbox-prefix {inbox_of(user)} consumer next {STREAM} {user} --count 10 --ack"
    yield "```\n"
