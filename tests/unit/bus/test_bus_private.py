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
from nats.aio.transport import TcpTransport
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
    assert [*inspect.signature(JetStreamContext._handle_async_reply).parameters] == ["self", "msg"]
    assert "_publish_async_futures" in vars(JetStreamContext(client))
    broker = NatsBroker()
    assert broker.config.broker_config.connection_state is not None
    assert {"servers", "error_cb", "inbox_prefix"} <= set(broker._connection_kwargs)
    assert inspect.iscoroutinefunction(NatsBroker._connect)


def test_what_our_client_overrides_is_there() -> None:
    """What nats-py calls to log in, to choose TLS and to hear of errors has the form that it had."""
    assert [*inspect.signature(Client._connect_command).parameters] == ["self"]
    assert [*inspect.signature(Client._process_err).parameters] == ["self", "err_msg"]
    assert [*inspect.signature(Client._process_op_err).parameters] == ["self", "e"]
    assert [*inspect.signature(Client._process_connect_init).parameters] == ["self"]
    assert isinstance(vars(Client)["ssl_context"], property)
    source = inspect.getsource(Client._process_connect_init)
    assert source.index("connect_tls") < source.index("_connect_command()"), "the login is said after TLS is up"
    assert {"_current_server", "_transport", "options"} <= set(vars(Client()))
    assert "_io_writer" in vars(TcpTransport())  # type: ignore[no-untyped-call]


def test_no_other_module_of_the_bus_reaches_for_them() -> None:
    """Names with an underscore are asked of our own objects only; our client calls what it overrides."""
    reached = [
        f"{file.name}:{node.lineno} {ast.unparse(node)}"
        for file in BUS.glob("*.py")
        if file.name != "private.py"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and not (isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"})
        and not (file.name == "client.py" and ast.unparse(node.value) == "super()")
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
