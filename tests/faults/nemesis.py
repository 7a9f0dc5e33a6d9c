"""The nemesis: draws victims and moments from a seed, and kills.

``NIGHTBUS_FAULT_SEED`` repeats the draws of an earlier run; what the machine does in between stays its own.
"""

import asyncio
import contextlib
import os
import random
import secrets
import signal
from collections import Counter
from collections.abc import Sequence

import psutil

from tests.faults.world import World

SEED_VARIABLE = "NIGHTBUS_FAULT_SEED"


def fault_seed() -> int:
    """The seed of this run: set, or drawn anew."""
    return int(os.environ.get(SEED_VARIABLE) or secrets.randbelow(2**31))


class Nemesis:
    """Kills parts of a running stack; ``kills`` counts them by name."""

    def __init__(self, world: World, seed: int) -> None:
        self.seed = seed
        self.draw = random.Random(seed)
        self.kills: Counter[str] = Counter()
        self._world = world

    async def strike(self, name: str, *, patience_s: float = 90.0) -> None:
        """Kill -9 a service, ``nats`` or ``postgres``; waits for it to be running first."""
        async with asyncio.timeout(patience_s):
            while (pid := self._world.pid_of(name)) is None:
                self._world.require_supervised()
                await asyncio.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
        self.kills[name] += 1

    async def freeze(self, name: str) -> None:
        """Stop a part by SIGSTOP, so that it is alive and does nothing."""
        pid = self._world.pid_of(name)
        assert pid is not None, f"{name} does not run"
        os.kill(pid, signal.SIGSTOP)

    async def strike_reader(self) -> bool:
        """Kill -9 one of the scanner's reader processes; whether there was one."""
        pid = self._world.pid_of("scanner")
        if pid is None:
            return False
        try:
            readers = psutil.Process(pid).children()
            if not readers:
                return False
            self.draw.choice(readers).kill()
        except psutil.NoSuchProcess:
            return False
        self.kills["reader"] += 1
        return True

    async def strike_any(self, names: Sequence[str]) -> str:
        """Kill -9 one of those that run now."""
        name = self.draw.choice([name for name in names if self._world.pid_of(name)] or list(names))
        await self.strike(name)
        return name

    async def collapse(self) -> int:
        """Stop every process of the stack, then kill them all: as near to a power cut as processes come.

        The stack must not be supervised. Returns how many processes there were.
        """
        processes: list[psutil.Process] = []
        for name in self._world.names:
            if (pid := self._world.pid_of(name)) is not None:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process = psutil.Process(pid)
                    processes += [process, *process.children(recursive=True)]
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for process in processes:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(number)
        await asyncio.to_thread(psutil.wait_procs, processes, 10)
        self.kills["everything"] += 1
        return len(processes)

    def plan(self, services: Sequence[str], services_kills: int, servers: dict[str, int]) -> list[str]:
        """Kills in random order: ``any`` stands for a random service."""
        plan = ["any"] * services_kills + [name for name, count in servers.items() for _ in range(count)]
        self.draw.shuffle(plan)
        return plan

    @property
    def figures(self) -> str:
        """The kills done, for the report."""
        return ", ".join(f"{name} {count}" for name, count in sorted(self.kills.items())) or "no kills"
