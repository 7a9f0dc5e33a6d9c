"""The looks at NATS: whether it answers, logins, the stream, the consumers, its clock, and the services behind it."""

import asyncio
import json
import time
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from services.cli.connection import Stack, bus
from services.cli.doctor import judge
from services.cli.doctor.finding import Finding, ok, unknown, wrong
from shared.bus.names import EVENTS
from shared.errors import Unavailable, UserError

if TYPE_CHECKING:
    from nats.aio.client import Client

    from shared.description import ServiceDescription

ANSWER_S = 5.0
_INFO = f"$JS.API.STREAM.INFO.{EVENTS}"


async def look_at_nats(stack: Stack, enabled: "Sequence[ServiceDescription]") -> list[Finding]:
    """All that can be seen of NATS; where it does not answer, that alone."""
    try:
        began = time.perf_counter()
        async with bus(stack) as client:
            took_ms = (time.perf_counter() - began) * 1000
            version = client.connected_server_version
            found = [
                ok("NATS", f"answers in {took_ms:.0f} ms, version {version.major}.{version.minor}.{version.patch}")
            ]
            return found + await _stream(client, enabled) + await _services(client, enabled)
    except UserError as error:
        return [wrong("NATS", error), unknown("services", "are asked through NATS")]


async def look_at_logins(stack: Stack, enabled: "Sequence[ServiceDescription]") -> list[Finding]:
    """Whether each service whose password this user can read may log in to NATS, and sees its consumers."""
    found = await asyncio.gather(*(_login(stack, service) for service in enabled if _has_login(stack, service.name)))
    return [finding for finding in found if finding is not None] or [ok("NATS logins", "each service is let in")]


def _has_login(stack: Stack, user: str) -> bool:
    """Whether the user's password can be read here; only its own service may have it."""
    try:
        return stack.settings.nats.login(user) is not None
    except UserError:
        return False


async def _login(stack: Stack, service: "ServiceDescription") -> Finding | None:
    from shared.bus.answering import answering
    from shared.bus.provision import verify

    about = f"NATS login {service.name}"
    try:
        async with bus(stack, service.name) as client:
            with answering(f"what {service.name} reads"):
                await verify(client.jetstream(timeout=ANSWER_S), service.consumers, service.buckets)
    except UserError as error:
        fix = f"give NATS and {service.name} the same password (deploy/nats/users.conf), and have NATS read it again"
        return wrong(about, error, fix) if "refuses" in str(error) else None  # that NATS is down is said elsewhere
    except Unavailable as error:
        return wrong(about, error, "`nightbus provision`, and the rights of deploy/nats/users.conf")
    return None


async def _stream(client: "Client", enabled: "Sequence[ServiceDescription]") -> list[Finding]:
    from nats.errors import Error as NatsError

    from shared.bus.provision import services_of_stream, verify
    from shared.description import consumers_of

    try:
        began, asked_at = time.perf_counter(), time.time()
        answer = json.loads((await client.request(_INFO, b"", timeout=ANSWER_S)).data)
        half_s = (time.perf_counter() - began) / 2
    except (NatsError, TimeoutError) as error:
        says = f"the stream {EVENTS} does not answer ({str(error) or type(error).__name__})"
        return [wrong("event stream", says, "see that JetStream is on and that the user cli has its rights")]
    if "error" in answer:
        says = f"the stream {EVENTS}: {answer['error'].get('description', 'cannot be read')}"
        return [wrong("event stream", says, "`nightbus provision`")]
    found = [judge.stream(answer["state"]["bytes"], max(answer["config"].get("max_bytes", 0), 0))]
    if "ts" in answer:  # since NATS 2.10
        server_s = datetime.fromisoformat(answer["ts"]).timestamp()
        found.append(judge.clock("NATS", asked_at + half_s - server_s, half_s))
    js = client.jetstream(timeout=ANSWER_S)
    try:
        found.append(judge.provisioned(await services_of_stream(js), [service.name for service in enabled]))
        consumers = consumers_of(enabled)
        await verify(js, consumers)
    except Unavailable as error:
        return [*found, wrong("consumers", error, "`nightbus provision`")]
    return [*found, ok("consumers", f"all {len(consumers)} are there and as provisioned")]


async def _services(client: "Client", enabled: "Sequence[ServiceDescription]") -> list[Finding]:
    told = await asyncio.gather(*(_service(client, service.name) for service in enabled))
    return [finding for findings in told for finding in findings]


async def _service(client: "Client", name: str) -> list[Finding]:
    """What a service says of itself, that it does not run, or that it runs and says nothing."""
    from shared.bus.rpc import NobodyAnswersError, ask
    from shared.events.commands import StateTold, state_question

    try:
        return judge.service(name, await ask(client, state_question(name)(), StateTold, timeout_s=ANSWER_S))
    except NobodyAnswersError:
        return judge.service(name, None)
    except UserError as error:
        return [judge.silent(name, error)]
