"""A copy of the project with more services in it: the one of docs/howto/add-a-service.md, under one name or several."""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "howto" / "add-a-service.md"
NAME = "rigs_seen"
_FILE = re.compile(
    r"^`(services/rigs_seen/[\w./]+)`[^\n]*\n(?:[^`\n][^\n]*\n)*\n```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL
)
_LINE = f'    "{NAME}",\n'
_LAST_SERVICE = '    "api",\n'
_COMMANDS = "COMMANDS: tuple[type[Command], ...] = (\n"


def project_with(folder: Path, names: Sequence[str] = (NAME,)) -> Path:
    """A copy of the project below ``folder`` with the page's service under each name: its folder, line and models."""
    copy = folder / "nightbus"
    for name in ("services", "shared"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    page = PAGE.read_text()
    files = dict(_FILE.findall(page))
    assert {Path(name).name for name in files} >= {"__init__.py", "description.py", "app.py", "handlers.py", "store.py"}
    assert f"```text\n{_LINE}```" in page
    models = re.search(r"```python\n(class RigForgotten.*?)```", page, re.DOTALL)
    assert models is not None
    for name in names:
        for path, text in files.items():
            file = copy / _renamed(path, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(_renamed(text, name))
    lines = "".join(_renamed(_LINE, name) for name in names)
    _insert(copy / "services" / "descriptions.py", _LAST_SERVICE, _LAST_SERVICE + lines)
    commands = copy / "shared" / "events" / "commands.py"
    place = "class TellState(Command)"
    _insert(commands, place, "\n\n".join(_renamed(models[1], name) for name in names) + f"\n\n{place}")
    added = "".join(_renamed("    ForgetRig,\n", name) for name in names)
    _insert(commands, _COMMANDS, _COMMANDS + added)
    return copy


def _renamed(text: str, name: str) -> str:
    """The page's text for a service of another name."""
    if name == NAME:
        return text
    models = name.capitalize()
    return (
        text.replace(NAME, name).replace("ForgetRig", f"Forget{models}").replace("RigForgotten", f"{models}Forgotten")
    )


def _insert(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1, f"{file} has {text.count(old)} times {old!r}"
    file.write_text(text.replace(old, new))
