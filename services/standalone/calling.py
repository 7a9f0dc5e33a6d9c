"""How a person can call this program from where they are: what hints print can be pasted into the same shell."""

import os
import shlex
import shutil
import sys
from pathlib import Path

PROGRAM = "nightbus"


def command(*words: str | os.PathLike[str]) -> str:
    """A command line of this program, quoted for the shell, such as ``.venv/bin/nightbus status --home '/my nas'``."""
    return shlex.join([*_program(), *(os.fspath(word) for word in words)])


def _program() -> list[str]:
    """``nightbus`` where the shell finds this very one, else its path, relative where that is shorter."""
    script = _script()
    if script is None:
        return [sys.executable, "-m", "services.cli.main"]
    found = shutil.which(PROGRAM)
    if found is not None and Path(found).resolve() == script.resolve():
        return [PROGRAM]
    folder = Path.cwd()
    return [str(script.relative_to(folder) if script.is_relative_to(folder) else script)]


def _script() -> Path | None:
    """The program beside this interpreter; None where it was installed without one."""
    for script in (Path(sys.argv[0]).absolute(), Path(sys.executable).absolute().with_name(PROGRAM)):
        if script.name == PROGRAM and script.is_file():
            return script
    return None
