"""LocalStack as an S3 server, in an environment of its own: it needs older packages than ours.

It checks hashes and preconditions better than moto, and no keys: see docs/howto/s3-servers.md.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.moto_server import free_port, wait_until_it_answers

PINS = (
    "localstack-core[base-runtime]<4.13", "cbor2<5.8", "pyopenssl<25", "cryptography<45", "service_identity<24.2",
)  # fmt: skip
"""The last ones that go together."""
INSTALL_S = 240.0
"""Within the limit of a test: where it takes longer the next run goes on with what pip has kept."""
END_S = 30.0
_DONE = "installed"


class NotInstalled(Exception):
    """The pins do not install here; one sentence."""


def installed() -> Path:
    """The Python of an environment that has LocalStack; made once, and kept in the user's cache.

    Raises:
        NotInstalled: it cannot be made.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256(" ".join((version, *PINS)).encode()).hexdigest()[:12]
    folder = cache / "nightbus-tests" / f"localstack-{digest}"
    python = folder / "bin" / "python"
    if not (folder / _DONE).exists():
        _run([sys.executable, "-m", "venv", "--clear", str(folder)])
        _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PINS])
        (folder / _DONE).touch()
    return python


@contextmanager
def localstack(python: Path, folder: Path) -> Iterator[str]:
    """The address of a server for as long as the block lasts; ``folder``: for what it keeps."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    own = {
        "SERVICES": "s3", "EAGER_SERVICE_LOADING": "1", "DISABLE_EVENTS": "1", "SKIP_SSL_CERT_DOWNLOAD": "1",
        "GATEWAY_LISTEN": f"127.0.0.1:{port}", "FILESYSTEM_ROOT": str(folder),
    }  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(python), "-m", "localstack.runtime.main"],
            env=os.environ | own, cwd=folder, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            wait_until_it_answers(address, process)
            yield address
        finally:
            process.terminate()
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalled(f"LocalStack cannot be installed: {error}") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["it did not say why"]
        raise NotInstalled(f"LocalStack cannot be installed: {said[-1]}")
