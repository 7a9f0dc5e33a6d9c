"""Runs a part of the integration tests on another NATS and Postgres than the embedded ones."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def passes(stack: str, parts: Sequence[str], timeout_s: float, environment: Mapping[str, str] | None = None) -> str:
    """Assert that parts of tests/integration pass with ``NIGHTBUS_TEST_STACK=stack``, at least ten tests a part.

    Returns:
        pytest's last line.
    """
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            *(f"tests/integration/{one}" for one in parts),
        ],
        cwd=REPOSITORY,
        env={**os.environ, **(environment or {}), "NIGHTBUS_TEST_STACK": stack},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    summary = done.stdout.strip().splitlines()[-1]
    assert int(re.findall(r"(\d+) passed", summary)[0]) >= 10 * len(parts), summary
    return summary
