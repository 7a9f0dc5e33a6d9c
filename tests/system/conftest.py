"""Fixtures of the system tests: programs of Debian packages, and a Docker engine with the images of the test stack."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.system.containers import ALL_IN_ONE, BUILD_S, IMAGE, Docker, NoClient
from tests.system.engine import NoEngine, docker_engine
from tests.system.images import ensure_images
from tests.system.python_image import NoBase, ensure_python

Program = Callable[[str, str], str]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test that asks for the engine builds the images, and the last removes it all: they get the time."""
    for item in items:
        if "engine" in getattr(item, "fixturenames", ()):
            marked = item.get_closest_marker("timeout")
            own_s = float(marked.args[0] if marked else item.config.getini("timeout"))
            item.add_marker(pytest.mark.timeout(own_s + BUILD_S), append=False)


def found_program(name: str, package: str) -> str:
    """Where a program is; the test skips where its Debian package is not installed."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"{name} is not here: the Debian package {package} is not installed")
    return found


@pytest.fixture
def program() -> Program:
    """``program(name, package)`` is where a program is; see ``found_program``."""
    return found_program


@pytest.fixture
def root() -> None:
    """For tests that only root can run."""
    if os.geteuid() != 0:
        pytest.skip("only root can do what this test does")


@dataclass(frozen=True)
class Engine:
    """A Docker engine that has the images of the test stack."""

    client: Any
    environment: dict[str, str]
    images: dict[str, str]


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The engine that answers, or one of our own; images that it lacks are made here."""
    try:
        with docker_engine() as environment:
            import docker  # type: ignore[import-untyped]

            client = docker.from_env(environment={**os.environ, **environment})
            try:
                yield Engine(client, environment, ensure_images(client))
            finally:
                client.close()
    except NoEngine as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def docker(engine: Engine) -> Docker:
    """Docker's client, on an engine that has our images, built from this checkout."""
    client = Docker(engine.environment)
    try:
        client.require("buildx")
        ensure_python(engine.client)
    except (NoClient, NoBase) as reason:
        pytest.skip(str(reason))
    client.build("nightbus", IMAGE)
    client.build("all-in-one", ALL_IN_ONE)
    return client
