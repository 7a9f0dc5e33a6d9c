"""A service of Nightbus as a supervised process: ready when its /readyz says so, alive while its /livez answers."""

import contextlib
from collections.abc import Awaitable, Callable

import httpx

from services.standalone.process import ANSWER_TIMEOUT_S, ManagedProcess, ProcessFailed
from shared.exits import EX_TEMPFAIL

OWN_WORDS = "nightbus: "
"""How the sentence begins with which a service says that it cannot run."""


class ManagedService(ManagedProcess):
    """A service; ``health_url`` is where its health pages are, once it serves them.

    ``before_start`` runs before each start; where it fails, the service is not started.
    """

    health_url = ""
    before_start: Callable[[], Awaitable[None]] | None = None

    async def start(self) -> None:
        """Start it; it may be started again after its end.

        Raises:
            ProcessFailed: what it needs is not there.
        """
        if self.before_start is not None:
            await self.before_start()
        await super().start()

    async def start_ready(self, timeout_s: float) -> str | None:
        """Start it and wait until it is ready.

        Returns:
            Where it runs and is not ready in time: a sentence with the reason. It may still become so.

        Raises:
            ProcessFailed: it ended, and not to be started again: its settings are wrong, most often.
        """
        await self.start()
        try:
            await self.wait_ready(self._is_ready, timeout_s)
        except ProcessFailed as error:
            if error.exit_code not in (None, EX_TEMPFAIL):
                raise
            page = await self._page("/readyz")
            reason = " | ".join(page.text.splitlines()) if page is not None else str(error)
            return f"{self.name} is not ready yet and goes on trying: {reason}"
        return None

    def last_words(self, code: int) -> str:
        """How the service ended: where it said so in a sentence of its own that alone, without its log."""
        own = [line.removeprefix(OWN_WORDS) for line in self.said_lines() if line.startswith(OWN_WORDS)]
        return f"{self.name} does not start: {'; '.join(own)}" if own else super().last_words(code)

    async def ailment(self) -> str | None:
        """What is wrong with the running service, as the end of a sentence; None when its loop turns.

        Before it serves its pages it waits for servers that are away, which is none.
        """
        try:
            async with httpx.AsyncClient(timeout=ANSWER_TIMEOUT_S, trust_env=False) as client:
                await client.get(f"{self.health_url}/livez")
        except httpx.TimeoutException:
            return "does not answer"
        except httpx.HTTPError:
            return None
        return None

    async def _is_ready(self) -> bool:
        page = await self._page("/readyz")
        return page is not None and page.status_code == httpx.codes.OK

    async def _page(self, path: str) -> httpx.Response | None:
        async with httpx.AsyncClient(timeout=ANSWER_TIMEOUT_S, trust_env=False) as client:
            with contextlib.suppress(httpx.HTTPError):
                return await client.get(f"{self.health_url}{path}")
        return None
