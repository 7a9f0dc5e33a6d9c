"""One request to a bucket, tried again while that may help, with growing pauses; a silence ends a try."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import stamina
from botocore.exceptions import BotoCoreError, ClientError

from services.backup.destinations.s3.body import Body
from services.backup.destinations.s3.client import place_of
from services.backup.destinations.s3.refusals import Said, code_of, judged
from services.backup.settings.destinations import S3Destination
from shared.errors import NightbusError, Transient

T = TypeVar("T")
Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a request is tried. The job around it is tried again for much longer."""

    tries: int = 6
    first_pause_s: float = 0.5
    longest_pause_s: float = 20.0
    silence_s: float = 60.0
    """A try in which no byte moved for so long has failed."""


class Again(Exception):
    """A try has failed, and another one may do."""

    def __init__(self, error: NightbusError) -> None:
        super().__init__(str(error))
        self.error = error


def _not_wrong(_answer: Answer) -> str | None:
    """Every answer is right."""
    return None


class Asking:
    """Requests to the bucket of a destination."""

    def __init__(self, client: Any, configured: S3Destination, patience: Patience) -> None:
        self._client = client
        self._configured = configured
        self.patience = patience
        self.place = place_of(configured)
        self.named = f"the destination {configured.name} ({self.place})"

    async def ask(
        self,
        operation: str,
        parameters: Mapping[str, Any],
        *,
        expects: AbstractSet[str] = frozenset(),
        wrong: Callable[[Answer], str | None] = _not_wrong,
        patient: float = 1.0,
    ) -> Answer:
        """Make a request.

        Args:
            operation: the client's method, such as ``head_object``.
            parameters: of the operation; the bucket is added.
            expects: error codes that the caller takes as an answer; they are raised as ``Said``.
            wrong: says of an answer why it proves that the bytes did not arrive, if so: then it is tried again.
            patient: how many times the usual silence is borne.
        """
        method: Callable[..., Awaitable[Answer]] = getattr(self._client, operation)
        body = parameters.get("Body")

        async def once() -> Answer:
            async with self.silence(patient) as heard:
                if isinstance(body, Body):
                    body.seek(0)
                    body.on_progress = heard
                answer = await method(Bucket=self._configured.bucket, **parameters)
            if (reason := wrong(answer)) is not None:
                raise Again(Transient(reason))
            return answer

        return await self.tried(operation, once, expects=expects)

    async def tried(
        self, operation: str, once: Callable[[], Awaitable[T]], *, expects: AbstractSet[str] = frozenset()
    ) -> T:
        """Try something that raises what the client raises, until it is done or does not help."""

        async def attempt() -> T:
            try:
                return await once()
            except (TimeoutError, ClientError, BotoCoreError) as error:
                if isinstance(error, ClientError) and code_of(error) in expects:
                    raise Said(error) from error
                found = judged(error, self._configured, operation)
                if found.again:
                    raise Again(found.error) from error
                raise found.error from error

        patience = self.patience
        caller = stamina.AsyncRetryingCaller(
            attempts=patience.tries,
            timeout=None,
            wait_initial=patience.first_pause_s,
            wait_max=patience.longest_pause_s,
            wait_jitter=patience.first_pause_s / 2,
        )
        try:
            return await caller(Again, attempt)
        except Again as last:
            raise last.error from last

    @asynccontextmanager
    async def silence(self, patient: float = 1.0) -> AsyncIterator[Callable[[], None]]:
        """End the block with ``TimeoutError`` where the function that it gets is not called for too long."""
        loop = asyncio.get_running_loop()
        longest_s = self.patience.silence_s * patient
        async with asyncio.timeout(longest_s) as limit:
            yield lambda: None if limit.expired() else limit.reschedule(loop.time() + longest_s)

    def refusal(self, said: Said, operation: str) -> NightbusError:
        """What an answer means that its caller expected and cannot use."""
        return judged(said.cause, self._configured, operation).error
