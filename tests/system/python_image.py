"""A stand-in for the image that ours is made from, of the same Debian release and Python, where it cannot be pulled.

``debootstrap`` makes the smallest Debian of the machine's own package mirror; a Python of the wanted version that is
installed here is laid over it, with the libraries that it needs and the certificates that this machine trusts. That
takes some minutes, so the result is kept in the user's cache.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.system.images import LABEL, import_image, is_there

DOCKERFILE = Path(__file__).resolve().parents[2] / "deploy" / "docker" / "Dockerfile"
RELEASE = "bookworm"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
MAKE_S = 300.0
_LIBRARIES = (
    "libbz2-1.0", "libexpat1", "libffi8", "liblzma5", "libncursesw6", "libreadline8", "libsqlite3-0", "libssl3",
    "libuuid1", "zlib1g",
)  # fmt: skip
_NOT_NEEDED = shutil.ignore_patterns("test", "idlelib", "lib2to3", "turtledemo", "__pycache__", "*.a", "share")
_VERSION = re.compile(r"^ARG PYTHON=(\d+)\.(\d+)$", re.MULTILINE)


class NoBase(Exception):
    """The image can be neither found nor made; one sentence."""


def wanted() -> tuple[str, tuple[int, int]]:
    """The name of the image that the Dockerfile begins with, and its version of Python."""
    found = _VERSION.search(DOCKERFILE.read_text())
    assert found, "the Dockerfile says in ARG PYTHON which Python it has"
    major, minor = int(found[1]), int(found[2])
    return f"python:{major}.{minor}-slim-{RELEASE}", (major, minor)


def ensure_python(client: Any) -> None:
    """Make the image where the engine lacks it.

    Raises:
        NoBase: it cannot be made here.
    """
    name, version = wanted()
    if is_there(client, name):
        return
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        raise NoBase(
            f"{name} is not here, and only root with the Debian package debootstrap can make a stand-in for it"
        )
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nightbus-tests"
    packed = cache / f"{name.replace(':', '-')}.tar"
    if not packed.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        _make(_prefix(version), version, packed)
    import_image(client, name, packed, _CHANGES)


def _make(prefix: Path, version: tuple[int, int], packed: Path) -> None:
    """Make the root file system, as a tar file that has its name once it is whole."""
    with tempfile.TemporaryDirectory(prefix="nightbus-base-", dir="/var/tmp") as made:
        root = Path(made, "root")
        _run(
            "debootstrap",
            "--variant=minbase",
            "--include=ca-certificates,netbase,tzdata",
            RELEASE,
            str(root),
            _mirror(),
        )
        _run("chroot", str(root), "apt-get", "install", "-y", "-q", "--no-install-recommends", *_LIBRARIES)
        _lay_python(prefix, root, version)
        shutil.copy(CERTIFICATES, root / "etc/ssl/certs/ca-certificates.crt")
        for folder in ("var/lib/apt/lists", "var/cache/apt"):
            shutil.rmtree(root / folder)
        unfinished = packed.with_suffix(".unfinished")
        _run("tar", "-C", str(root), "-cf", str(unfinished), ".")
        unfinished.replace(packed)


_TRUSTED = "/etc/ssl/certs/ca-certificates.crt"
_CHANGES = [
    f"ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 PIP_CERT={_TRUSTED}",
    'CMD ["python3"]',
    f"LABEL {LABEL}=python",
]


def _prefix(version: tuple[int, int]) -> Path:
    """Where a Python of that version is installed on this machine, by itself."""
    name = "{}.{}".format(*version)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates = sorted(pyenv.glob(f"versions/{name}.*"))
    if sys.version_info[:2] == version and Path(sys.base_prefix) != Path("/usr"):
        candidates.append(Path(sys.base_prefix))
    for candidate in candidates:
        if (candidate / "bin" / f"python{name}").is_file():
            return candidate
    raise NoBase(f"no Python {name} is installed here by itself (pyenv), of which an image could be made")


def _lay_python(prefix: Path, root: Path, version: tuple[int, int]) -> None:
    local, name = root / "usr/local", "{}.{}".format(*version)
    for folder in ("bin", "lib", "include"):
        shutil.copytree(prefix / folder, local / folder, symlinks=True, ignore=_NOT_NEEDED, dirs_exist_ok=True)
    for script in (local / "bin").iterdir():
        if script.is_file() and not script.is_symlink() and script.read_bytes().startswith(b"#!" + os.fsencode(prefix)):
            first, rest = script.read_bytes().split(b"\n", 1)
            script.write_bytes(f"#!/usr/local/bin/python{name}\n".encode() + rest)
            assert b"python" in first
    for link, target in (("python3", f"python{name}"), ("python", "python3")):
        (local / "bin" / link).unlink(missing_ok=True)
        (local / "bin" / link).symlink_to(target)
    (root / "etc/ld.so.conf.d/00-local.conf").write_text("/usr/local/lib\n")
    _run("chroot", str(root), "ldconfig")


def _mirror() -> str:
    """The package mirror that this machine uses for the release, else debootstrap's own."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Identifier: Packages"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    for line in listed.stdout.splitlines():
        release, _, address = line.partition(" ")
        if release == RELEASE:
            return address
    return ""


def _run(*words: str) -> None:
    command = [word for word in words if word]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=MAKE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoBase(f"{command[0]} did not do its part of the image: {error}") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["it did not say why"]
        raise NoBase(f"{command[0]} did not do its part of the image: {said[-1]}")
