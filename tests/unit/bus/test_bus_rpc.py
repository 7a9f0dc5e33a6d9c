"""Requests: what is said when nobody answers, and what becomes of those that are old."""

import json
import time
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from faststream.nats import NatsBroker
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NatsTimeoutError

from shared.bus import rpc
from shared.bus.rpc import answer, ask
from shared.errors import UserError
from shared.events.commands import CancelImport, Command, ImportAccepted, ImportPaths, Reply, StateTold, state_question

IMPORT = ImportPaths(paths=("/captures",), mode="move")


class Silent:
    """A server behind which nobody answers; keeps what was asked."""

    def __init__(self) -> None:
        self.headers: dict[str, str] | None = None

    async def request(self, _subject: str, _payload: bytes, *, headers: dict[str, str] | None, **_words: object) -> Msg:
        """Keep the question."""
        self.headers = headers
        raise NatsTimeoutError


async def asked(command: Command, reply: type[Reply]) -> tuple[str, dict[str, str] | None]:
    """What a person is told who asked in vain, and the headers of the request."""
    silent = Silent()
    with pytest.raises(UserError) as told:
        await ask(cast("Client", silent), command, reply)
    return str(told.value), silent.headers


async def test_who_gets_no_answer_is_told_what_may_come_of_it() -> None:
    """A request for work may still be carried out: where to see it and how to end it is said. A question may not."""
    said, _headers = await asked(IMPORT, ImportAccepted)
    assert "did not answer within 10 s; it may still do what was asked within the next minute" in said
    assert f"`nightbus imports` shows it then, `nightbus imports cancel {IMPORT.command_id}` ends it" in said
    said, headers = await asked(state_question("ingest")(), StateTold)
    assert (said, headers) == ("the ingest service did not answer within 10 s", None)


async def answered(command: Command, headers: dict[str, str] | None) -> tuple[bool, bool, str | None]:
    """Whether a service did what it was asked, and what it answered."""
    handled: list[Command] = []
    replies: list[dict[str, Any]] = []
    registered: list[Callable[[Msg], Awaitable[None]]] = []

    async def handle(given: Command) -> Reply:
        handled.append(given)
        return Reply()

    async def respond(payload: bytes) -> None:
        replies.append(json.loads(payload))

    def subscriber(*_words: object, **_more: object) -> Callable[[Callable[[Msg], Awaitable[None]]], None]:
        return registered.append

    answer(cast("NatsBroker", SimpleNamespace(subscriber=subscriber)), type(command), handle)
    data, reply = command.model_dump_json().encode(), "_INBOX_cli.1"
    message: Any = SimpleNamespace(data=data, headers=headers, respond=respond, reply=reply)
    await registered[0](message)
    return bool(handled), replies[0]["ok"], replies[0]["error"]


async def test_a_request_that_nobody_waits_for_starts_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that was stopped leaves old requests alone and says why; a wish to cancel is obeyed at any time."""
    _said, headers = await asked(IMPORT, ImportAccepted)
    assert await answered(IMPORT, headers) == (True, True, None)
    assert await answered(IMPORT, None) == (True, True, None)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 10 + rpc.GRACE_S + 60)
    done, ok, error = await answered(IMPORT, headers)
    assert (done, ok) == (False, False)
    assert error is not None
    assert "after its time and left it alone: ask again" in error
    assert await answered(CancelImport(import_id=IMPORT.command_id), headers) == (True, True, None)
