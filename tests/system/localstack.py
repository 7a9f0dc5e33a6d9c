"""LocalStack as an S3 server, in an environment of its own: it needs older packages than ours.

It checks hashes and preconditions better than moto, and no keys: see docs/howto/s3-servers.md.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.moto_server import free_port, wait_until_it_answers
from tests.system.pip_tools import environment_with

PINS = (
    "localstack-core[base-runtime]<4.13", "cbor2<5.8", "pyopenssl<25", "cryptography<45", "service_identity<24.2",
)  # fmt: skip
"""The last ones that go together."""
END_S = 30.0


def installed() -> Path:
    """The Python of an environment that has LocalStack.

    Raises:
        NotInstalled: it cannot be made.
    """
    return environment_with("localstack", PINS) / "python"


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
