"""Prints Nightbus' events as they come, one line each. Needs Python 3.11 and `pip install nats-py`.

`nightbus subscribers add my-lights` prints what to give it:

    python subscribe.py --name my-lights --url nats://127.0.0.1:4222 --password-file .../nats-subscriber-my-lights

Events come at least once: remember `event_id` where doing a thing twice would hurt. What is not acknowledged is given
again after a minute, also to the next run of this program.
"""

import argparse
import asyncio
import contextlib
import json
import ssl
import sys
from pathlib import Path

import nats
from nats.errors import TimeoutError as NothingCame


def options() -> argparse.Namespace:
    """What was given on the command line."""
    parser = argparse.ArgumentParser(description="Prints Nightbus' events as they come, one line each.")
    parser.add_argument("--name", required=True, help="the name that was given to `nightbus subscribers add`")
    parser.add_argument("--url", default="nats://127.0.0.1:4222", help="address of NATS")
    parser.add_argument("--password-file", required=True, type=Path, help="file that holds the password")
    parser.add_argument("--ca-file", type=Path, help="certificate of your own authority, where NATS has TLS")
    parser.add_argument("--count", type=int, help="end after so many events; without it go on until Ctrl-C")
    return parser.parse_args()


async def say(error: Exception) -> None:
    """Tell why NATS cannot be reached or lets nobody in: the client tries again every two seconds."""
    print(f"NATS: {error or type(error).__name__}", file=sys.stderr, flush=True)


async def main() -> None:
    """Read, print, acknowledge."""
    asked = options()
    user = f"subscriber-{asked.name}"
    if not asked.password_file.is_file():
        sys.exit(f"no password in {asked.password_file}: `nightbus subscribers list` has the files of all subscribers")
    client = await nats.connect(
        asked.url,
        user=user,
        password=lambda: asked.password_file.read_text().strip(),  # read at each login: it may be renewed
        inbox_prefix=f"_INBOX_{user}",  # the one place where this user may receive answers
        tls=ssl.create_default_context(cafile=asked.ca_file) if asked.ca_file else None,
        max_reconnect_attempts=-1,
        error_cb=say,
    )
    consumer = await client.jetstream().pull_subscribe_bind(consumer=user, stream="NIGHTBUS")
    left = asked.count or sys.maxsize
    while left:
        try:
            messages = await consumer.fetch(min(20, left), timeout=30)
        except NothingCame:
            continue
        for message in messages:
            event = json.loads(message.data)
            print(message.headers["ce-type"], message.headers["ce-id"], json.dumps(event), flush=True)
            await message.ack_sync()  # returns once NATS knows that this event is done with
            left -= 1
    await client.close()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
