"""Our images and containers of them, by Docker's own client: what a person would type."""

import json
import os
import shutil
import subprocess
import time
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tests.conftest import CORPUS

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
SEESTAR = CORPUS / "seestar_s50" / "Light_M 94_10.0s_IRCUT_20250326-212057.fit"
"""A real capture."""
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
IMAGE, ALL_IN_ONE = f"nightbus:{VERSION}", f"nightbus-all-in-one:{VERSION}"
BUILD_S = 900.0
"""Of each image; the second is made from what the first left."""
RUN_S = 180.0
WAIT_S = 240.0
T = TypeVar("T")


class NoClient(Exception):
    """Docker's client, or a plugin of it, is not here; one sentence."""


@dataclass(frozen=True)
class Docker:
    """Docker's client, with the environment by which it finds the engine."""

    environment: Mapping[str, str]

    def __call__(
        self, *words: str, check: bool = True, timeout_s: float = RUN_S, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of Docker to its end."""
        done = subprocess.run(
            ["docker", *words], capture_output=True, text=True, timeout=timeout_s, check=False, cwd=ROOT,
            env={**os.environ, **self.environment, **(environment or {})},
        )  # fmt: skip
        assert not check or done.returncode == 0, (
            f"docker {' '.join(words)}\n{done.stdout[-3000:]}{done.stderr[-4000:]}"
        )
        return done

    def require(self, plugin: str) -> None:
        """Raise NoClient where the client or its plugin is missing."""
        if shutil.which("docker") is None or self(plugin, "version", check=False).returncode:
            raise NoClient(f"docker {plugin} is not here: tests/system/install.sh brings it")

    def build(self, target: str, image: str, checkout: Path = ROOT) -> None:
        """Build one of our images from a checkout, by default this one."""
        file = checkout / "deploy" / "docker" / "Dockerfile"
        words = ["build", "--file", str(file), "--target", target, "--tag", image, str(checkout)]
        self("buildx", *words, timeout_s=BUILD_S)

    def inspect(self, image: str) -> dict[str, Any]:
        """What the engine says of an image."""
        found: dict[str, Any] = json.loads(self("image", "inspect", image).stdout)[0]
        return found


def until(look: Callable[[], T | None], what: str, limit_s: float = WAIT_S) -> T:
    """Look again and again until there is something; fails with ``what`` when it takes too long."""
    deadline = time.monotonic() + limit_s
    while True:
        if found := look():
            return found
        assert time.monotonic() < deadline, f"after {limit_s:.0f} s: {what}"
        time.sleep(0.5)
