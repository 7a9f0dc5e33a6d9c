"""Starting: what is imported for which command, and Ctrl-C at any moment."""

import subprocess
import sys
from pathlib import Path

import pytest

from services.cli.lazy import Listed, summary
from services.cli.main import COMMANDS

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
    "module", ["services.cli.main", "typer", "services.cli.match", "pydantic", "shared.settings", "shared.targets"]
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


@pytest.mark.parametrize("listed", COMMANDS, ids=lambda listed: listed.name)
def test_the_list_of_commands_says_what_each_says_itself(listed: Listed) -> None:
    """The list of `nightbus --help` is written apart, so that no command is imported for it; it is each one's words."""
    assert listed.summary == summary(listed.load())
