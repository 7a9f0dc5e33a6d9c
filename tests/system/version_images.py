"""A version of Nightbus as the image that is built of it, on the servers and folders of this machine."""

import contextlib
import hashlib
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.system.containers import DEPLOY, ROOT, Docker
from tests.system.versions import COMMAND_S, STOP_S, Version

OWNER = 1000
"""Whom the images run as."""
_PACKAGES = ("services", "shared")
_DIGEST = """
import hashlib, importlib
from pathlib import Path
found = hashlib.sha256()
for name in ("services", "shared"):
    folder = Path(importlib.import_module(name).__file__).parent
    for file in sorted(folder.rglob("*.py")):
        found.update(str(file.relative_to(folder)).encode() + file.read_bytes())
print(found.hexdigest())
"""


def build(docker: Docker, code: Path, image: str) -> None:
    """Build the image of a version with the Dockerfile of this one, and what this one pins."""
    if code != ROOT:
        shutil.rmtree(code / "deploy", ignore_errors=True)
        shutil.copytree(DEPLOY, code / "deploy")
        shutil.copy(ROOT / "requirements.lock", code)
    docker.build("nightbus", image, code)


def for_images(folder: Path, secrets: Mapping[str, Path]) -> dict[str, str]:
    """Copies of folders of passwords that the images may read, by the names of their settings."""
    said = {}
    for name, theirs in secrets.items():
        ours = folder / f"{name}-for-images"
        if not ours.exists():
            shutil.copytree(theirs, ours)
            give(ours)
        said[f"NIGHTBUS_{name}__SECRETS_DIR"] = str(ours)
    return said


def give(folder: Path) -> None:
    """Give a folder and all in it to whom the images run as."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, OWNER, OWNER)


@dataclass(frozen=True)
class ImageVersion(Version):
    """A version by its image; ``shared`` is the folder with everything that its containers share with this machine."""

    docker: Docker = field(kw_only=True)
    image: str = field(kw_only=True)
    shared: Path = field(kw_only=True)

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        return self._ended([*self._container(), self.image, *words])

    def require_itself(self) -> None:
        """Fail where the image holds other code than its version has."""
        found = hashlib.sha256()
        for name in _PACKAGES:
            for file in sorted((self.code / name).rglob("*.py")):
                found.update(str(file.relative_to(self.code / name)).encode() + file.read_bytes())
        assert self._python("-c", _DIGEST).stdout.strip() == found.hexdigest()

    @contextlib.contextmanager
    def running(self, *services: str) -> Iterator[None]:
        """Services in one container, for as long as the block lasts; it ends in order."""
        name = f"nightbus-version-{uuid.uuid4().hex[:12]}"
        with (self.folder / "services.log").open("ab") as output:
            process = subprocess.Popen(
                ["docker", *self._container(), "--name", name, self.image, "run", *services],
                env={**os.environ, **self.docker.environment}, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        try:
            yield
            assert process.poll() is None, f"{services} ended by themselves:\n{self.tail()}"
        finally:
            process.terminate()  # Docker's client hands the signal on, and ends with the code of the container
            try:
                code = process.wait(STOP_S)
            finally:
                self.docker("rm", "--force", name, check=False)
        assert code == 0, f"{services} ended with code {code}:\n{self.tail()}"

    def _python(self, *words: str, given: str = "") -> "subprocess.CompletedProcess[str]":
        return self._ended([*self._container(), "--entrypoint", "python", self.image, *words], given)

    def _container(self) -> list[str]:
        known = {name: value for name, value in self.environment.items() if name.startswith("NIGHTBUS_")}
        variables = [word for name, value in known.items() for word in ("--env", f"{name}={value}")]
        closed = ["--read-only", "--tmpfs", "/tmp:mode=1777", "--cap-drop", "ALL"]  # noqa: S108 - the container's own
        return [
            "run", "--rm", "--interactive", "--network", "host", *closed, *variables,
            "--volume", f"{self.shared}:{self.shared}", "--workdir", str(self.folder),
        ]  # fmt: skip

    def _ended(self, words: Sequence[str], given: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["docker", *words], env={**os.environ, **self.docker.environment}, input=given,
            capture_output=True, text=True, timeout=COMMAND_S, check=False,
        )  # fmt: skip
