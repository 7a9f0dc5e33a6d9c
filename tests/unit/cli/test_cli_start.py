"""Starting: what is imported for which command, and Ctrl-C at any moment."""

import subprocess
import sys
from pathlib import Path

import pytest

from services.cli.lazy import Listed, summary
from services.cli.main import COMMANDS
from services.standalone.home import Home

REPOSITORY = Path(__file__).resolve().parents[3]
_INTERRUPTED_AT = """
import os, signal, sys
import services.cli.start

wanted = sys.argv[1]

class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == wanted:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupts())
sys.argv = ["nightbus", "match", "M 31"]
services.cli.start.main()
"""


@pytest.mark.parametrize(
    "module",
    ["services.cli.main", "typer", "services.cli.match", "shared.targets", "sqlite3", "shared.written"],
)
def test_ctrl_c_while_it_starts_is_one_word(module: str) -> None:
    """Whichever library is being imported when Ctrl-C comes: `stopped`, exit code 130, and no traceback."""
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED_AT, module], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr, done.stdout) == (130, "nightbus: stopped\n", "")


def test_what_runs_first_imports_nothing() -> None:
    """The script's own module brings no library, so that hardly a moment is left in which Ctrl-C is not ours."""
    code = "import sys; before = set(sys.modules); import services.cli.start; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["services", "services.cli", "services.cli.exits", "services.cli.start"]


_LOADED = """
import sys
from services.cli.main import app
try:
    app(sys.argv[1:])
except SystemExit:
    pass
print(*sorted({name.partition(".")[0] for name in sys.modules} | set(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("words", "without"),
    [
        (["--help"], {"asyncio", "rich", "pydantic"}),
        (["match", "M 31", "Andromeda Galaxy"], {"pydantic", "numpy", "rapidfuzz", "scipy", "rich", "shared.frames"}),
        (["files", "--date", "2026-01-01"], {"pydantic", "rich.console", "nats", "numpy", "shared.settings"}),
        (["captures"], {"pydantic", "rich.console", "nats", "numpy", "shared.settings", "shared.targets"}),
        (["dead-letters", "list"], {"pydantic", "rich.console", "nats", "numpy", "shared.settings"}),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_quick_commands_wait_for_nobodys_libraries(words: list[str], without: set[str], tmp_path: Path) -> None:
    """What makes a start slow (checking settings, arrays, pictures of tables) is loaded by commands that need it."""
    with Home.open(tmp_path / "home") as home:
        for server in ("nats", "postgres"):
            home.port(server)
        home.secret("reader_cli")
    done = subprocess.run(
        [sys.executable, "-c", _LOADED, *words],
        cwd=tmp_path, capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": "", "NIGHTBUS_HOME": str(tmp_path / "home")},
    )  # fmt: skip
    loaded = set(done.stderr.splitlines()[-1].split())
    assert "services.cli.main" in loaded
    assert loaded & without == set()


@pytest.mark.parametrize("listed", COMMANDS, ids=lambda listed: listed.name)
def test_the_list_of_commands_says_what_each_says_itself(listed: Listed) -> None:
    """The list of `nightbus --help` is written apart, so that no command is imported for it; it is each one's words."""
    assert listed.summary == summary(listed.load())
