"""Programs from pip for one test, each in an environment of its own that is made once and kept in the user's cache."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

INSTALL_S = 240.0
"""Within the limit of a test: where it takes longer the next run goes on with what pip has kept."""
_DONE = "installed"


class NotInstalled(Exception):
    """The packages do not install here; one sentence."""


def environment_with(name: str, packages: Sequence[str]) -> Path:
    """The folder of programs of an environment with these packages.

    Raises:
        NotInstalled: it cannot be made.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256(" ".join((version, *packages)).encode()).hexdigest()[:12]
    folder = cache / "nightbus-tests" / f"{name}-{digest}"
    if not (folder / _DONE).exists():
        _run(name, [sys.executable, "-m", "venv", "--clear", str(folder)])
        install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run(name, [*install, *packages])
        (folder / _DONE).touch()
    return folder / "bin"


def _run(name: str, command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalled(f"{name} cannot be installed: {error}") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["it did not say why"]
        raise NotInstalled(f"{name} cannot be installed: {said[-1]}")
