"""The private parts of FastStream and nats-py that we use are there, as they were when our code was written."""

import ast
import inspect
from importlib.metadata import version
from pathlib import Path

import pytest
from faststream.nats import NatsBroker
from faststream.nats.subscriber.usecases.stream_pull_subscriber import BatchPullStreamSubscriber
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from shared.bus import private

BUS = Path(private.__file__).parent
ROOT = BUS.parents[1]


@pytest.mark.parametrize(("package", "written_for"), private.WRITTEN_FOR.items())
def test_the_versions_are_those_that_it_was_written_for(package: str, written_for: str) -> None:
    """Another version is taken after a look at each part below, and at the tests in tests/integration/bus."""
    assert version(package) == written_for, f"read {private.__name__} with {package} {version(package)} beside it"


def test_the_parts_are_there() -> None:
    """What is replaced or called has the form that it had."""
    assert inspect.iscoroutinefunction(BatchPullStreamSubscriber._consume_pull)
    assert [*inspect.signature(Client._parse_header_lines).parameters] == ["raw"]
    assert list(inspect.signature(Client._send_command).parameters)[:2] == ["self", "cmd"]
    assert inspect.iscoroutinefunction(Client._send_command)
    assert inspect.iscoroutinefunction(Client._flush_pending)
    assert {"_client", "_ackd"} <= set(Msg.__dataclass_fields__)
    client = Client()
    assert private.client_of_context(JetStreamContext(client)) is client
    assert NatsBroker().config.broker_config.connection_state is not None


def test_no_other_module_of_the_bus_reaches_for_them() -> None:
    """Names with an underscore are asked of our own objects only, outside the one module."""
    reached = [
        f"{file.name}:{node.lineno} {ast.unparse(node)}"
        for file in BUS.glob("*.py")
        if file.name != "private.py"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and not (isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"})
    ]
    assert reached == []


def test_only_documented_modules_are_imported_elsewhere() -> None:
    """Of FastStream the rest of the project imports what its documentation names, and none of its inner modules."""
    inner = [
        f"{file.relative_to(ROOT)}:{node.lineno} {node.module}"
        for folder in ("services", "shared")
        for file in (ROOT / folder).rglob("*.py")
        if file != BUS / "private.py"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("faststream")
        if node.module not in {"faststream", "faststream.nats", "faststream.security"}
    ]
    assert inner == []
