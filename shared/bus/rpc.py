"""Commands over NATS request/reply: asking, and answering.

Who asks waits for seconds. A service that hangs or is stopped may come to a request long afterwards: it is too old to
start work then, since a person was told that nobody answered and may have done something else.
"""

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import MaxPayloadError, NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError
from pydantic import ValidationError

from shared import inert
from shared.errors import NightbusError, UserError
from shared.events.commands import Command, Reply
from shared.events.mistakes import first_mistake

if TYPE_CHECKING:  # those who only ask need not wait for the imports of FastStream and structlog
    from faststream.nats import NatsBroker

INBOXES = ("_INBOX.", "_INBOX_")
"""How the subjects begin on which answers are waited for."""

C = TypeVar("C", bound=Command)
R = TypeVar("R", bound=Reply)

EXPIRES = "Nightbus-Expires"
"""Header of a request: until when it may start work, seconds since 1970."""
GRACE_S = 60.0
"""For how long after nobody waits any more; hosts' clocks differ by less."""


class NobodyAnswersError(UserError):
    """The service that owns a command does not run."""


async def ask(client: Client, command: Command, reply: type[R], *, timeout_s: float = 10.0) -> R:
    """Send a command to the service that owns it and return its answer.

    Raises:
        UserError: nobody answers, or the owner refuses; one sentence.
    """
    service = command.subject.split(".")[1]
    headers = {EXPIRES: f"{time.time() + timeout_s + GRACE_S:.3f}"} if command.starts_work else None
    try:
        message = await client.request(
            command.subject, command.model_dump_json().encode(), timeout=timeout_s, headers=headers
        )
    except NoRespondersError as error:
        raise NobodyAnswersError(f"the {service} service is not running") from error
    except NatsTimeoutError as error:
        raise UserError(_unanswered(service, command, timeout_s)) from error
    except MaxPayloadError as error:
        raise UserError("that is too much for one request: name fewer things, or the folder that holds them") from error
    answer = reply.model_validate_json(message.data)
    if not answer.ok:
        raise UserError(answer.error or f"the {service} service refused the request")
    return answer


def _unanswered(service: str, command: Command, timeout_s: float) -> str:
    """That nobody answered, and what may come of the request all the same."""
    said = f"the {service} service did not answer within {timeout_s:.0f} s"
    if not command.starts_work:
        return said
    where = command.where_to_look.format(id=command.command_id)
    return f"{said}; it may still do what was asked within the next minute" + (f": {where}" if where else "")


def _too_old(message: Msg, service: str) -> str | None:
    """Why a request that starts work is refused for its age, if it is; one without an expiry never is."""
    try:
        late_s = time.time() - float((message.headers or {})[EXPIRES])
    except (KeyError, ValueError):
        return None
    if late_s <= 0:
        return None
    return (
        f"the {service} service came to this request {late_s:.0f} s after its time and left it alone: ask again; "
        "where this happens each time, the clocks of the two hosts differ"
    )


def answer(broker: "NatsBroker", model: type[C], handle: Callable[[C], Awaitable[Reply]]) -> None:
    """Register the handler of a command. What it raises becomes one sentence in the reply."""
    from shared.logging import get_logger

    log = get_logger(__name__)

    async def on_request(message: Msg) -> None:
        if not message.reply.startswith(INBOXES):
            # Whoever asks names the subject of the answer, and we may publish where the asker may not.
            log.warning("question without an inbox", subject=model.subject, reply=inert.name(message.reply))
            return
        too_old = _too_old(message, model.subject.split(".")[1]) if model.starts_work else None
        try:
            if too_old is not None:
                log.warning("an old request was refused", subject=model.subject, reason=too_old)
                raise UserError(too_old)
            reply: Reply = await handle(model.model_validate_json(message.data))
        except ValidationError as error:
            reply = model.reply(ok=False, error=f"{model.subject}: {first_mistake(error)}")
        except NightbusError as error:
            reply = model.reply(ok=False, error=str(error))
        except Exception:
            log.exception("command failed", subject=model.subject)
            reply = model.reply(
                ok=False, error=f"{model.subject} failed unexpectedly; the service's log has the details"
            )
        await message.respond(reply.model_dump_json().encode())

    subscriber = broker.subscriber(model.subject, queue=model.subject.split(".")[1], no_reply=True, title=model.subject)
    subscriber(on_request)
