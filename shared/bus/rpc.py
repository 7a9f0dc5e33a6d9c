"""Commands over NATS request/reply: asking, and answering."""

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


class NobodyAnswersError(UserError):
    """The service that owns a command does not run."""


async def ask(client: Client, command: Command, reply: type[R], *, timeout_s: float = 10.0) -> R:
    """Send a command to the service that owns it and return its answer.

    Raises:
        UserError: nobody answers, or the owner refuses; one sentence.
    """
    service = command.subject.split(".")[1]
    try:
        message = await client.request(command.subject, command.model_dump_json().encode(), timeout=timeout_s)
    except NoRespondersError as error:
        raise NobodyAnswersError(f"the {service} service is not running") from error
    except NatsTimeoutError as error:
        raise UserError(f"the {service} service did not answer within {timeout_s:.0f} s") from error
    except MaxPayloadError as error:
        raise UserError("that is too much for one request: name fewer things, or the folder that holds them") from error
    answer = reply.model_validate_json(message.data)
    if not answer.ok:
        raise UserError(answer.error or f"the {service} service refused the request")
    return answer


def answer(broker: "NatsBroker", model: type[C], handle: Callable[[C], Awaitable[Reply]]) -> None:
    """Register the handler of a command. What it raises becomes one sentence in the reply."""
    from shared.logging import get_logger

    log = get_logger(__name__)

    async def on_request(message: Msg) -> None:
        if not message.reply.startswith(INBOXES):
            # Whoever asks names the subject of the answer, and we may publish where the asker may not.
            log.warning("question without an inbox", subject=model.subject, reply=inert.name(message.reply))
            return
        try:
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
