"""The rules of the house that no linter knows: sizes, stories, pins, and who may import what."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import distributions
from itertools import accumulate
from pathlib import Path

import pytest

from services.descriptions import NAMES

ROOT = Path(__file__).parents[2]
LONGEST_MODULE_LINES = 400
SOURCES = sorted(file for folder in ("services", "shared") for file in (ROOT / folder).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
LEFT_OVER = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
ASTROPY_AT_HOME = ("services/scanner/", "shared/frames/")
SERVERS = frozenset({"asyncpg", "nats", "faststream", "sqlalchemy", "alembic"})
"""Libraries of the database and the bus."""
EDGES = ("app.py", "handlers.py", "store.py", "store/")
"""Files of a service that may use them: wiring, events in and effects out, SQL."""
HANDED_ON = "asyncpg.Pool"
"""What any file of a service may name: who holds the pool hands it to the functions of the store."""
BESIDE_THE_EDGES = {
    "services/stats/backlog.py": "asks NATS how far the consumers of the service have read",
}
"""Other files of services that use them, each with its reason."""
LOOKS_INSIDE = {
    ("cli", "scanner"): "inspect and match read files without a stack",
    ("cli", "calibration"): "a look at what distribution would place is planned by its own code",
    ("cli", "backup"): "setup, lifecycle and restore work without a stack; the database is dumped before a migration",
    ("standalone", "backup"): "a home is made of what lies at a destination, and dumped before a migration",
}
"""Services whose insides the command line or the stack uses, each with its reason."""
DOORS_OF_SHARED = (
    "shared/bus/", "shared/db/", "shared/decisions/mirror.py", "shared/jobs/job.py", "shared/jobs/runner.py",
    "shared/jobs/store.py", "shared/service.py",
)  # fmt: skip
"""What of shared is for the database and the bus; all else is pure."""


def named(file: Path) -> str:
    """A file as people write it."""
    return file.relative_to(ROOT).as_posix()


def tracked() -> list[str]:
    """What git keeps; skipped where there is no git."""
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [name for name in listed.stdout.split("\0") if name]


def imports(tree: ast.AST) -> set[str]:
    """Top-level names that a syntax tree imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found


def modules_imported(file: Path) -> set[str]:
    """Full names of what a file imports, wherever in it, and of the packages around that.

    A name that is imported from a module may be a module itself.
    """
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {part for name in found for part in accumulate(name.split("."), "{}.{}".format)}


def ways_to_servers(files: Iterable[Path]) -> list[str]:
    """For each file that reaches a library of the servers, through whatever modules of ours, one way there."""
    names = {file: ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for file in SOURCES}
    imported = {name: modules_imported(file) for file, name in names.items()}
    found = []
    for start in (names[file] for file in files):
        ways, waiting = {start: start}, [start]
        while waiting:
            here = waiting.pop()
            if libraries := sorted(name for name in imported[here] if name.split(".")[0] in SERVERS):
                found.append(f"{ways[here]} -> {libraries[0]}")
                break
            for name in sorted(imported[here] & imported.keys() - ways.keys()):
                ways[name] = f"{ways[here]} -> {name}"
                waiting.append(name)
    return found


def test_there_is_something_to_look_at() -> None:
    """The checks below look at the modules of both packages and at the tests."""
    assert len(SOURCES) > 100
    assert len(TESTS) > 50


def test_modules_are_short() -> None:
    """A module has one noun or one step: none is longer than 400 lines."""
    long = {
        named(file): lines for file in SOURCES if (lines := len(file.read_text().splitlines())) > LONGEST_MODULE_LINES
    }
    assert not long


def test_every_module_says_what_it_is() -> None:
    """Every package and module, of the code and of the tests, opens with a docstring."""
    silent = [
        named(file)
        for file in (*SOURCES, *TESTS)
        if file.read_text().strip() and not ast.get_docstring(ast.parse(file.read_text()))
    ]
    assert not silent


def test_every_package_tells_its_story() -> None:
    """No package of the code has an empty __init__; a service's says what comes in, what goes out, what it promises."""
    packages = [file for file in SOURCES if file.name == "__init__.py"]
    assert all(ast.get_docstring(ast.parse(file.read_text())) for file in packages)
    for file in packages:
        if file.parent.parent == ROOT / "services":
            story = ast.get_docstring(ast.parse(file.read_text())) or ""
            assert len(story.splitlines()) >= 5, f"{named(file)} has no story"


def test_folders_with_modules_are_packages() -> None:
    """Every folder of the code that holds modules is a package."""
    folders = {file.parent for file in SOURCES}
    assert [named(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def test_every_test_promises_something() -> None:
    """Every test function has a docstring: the sentence that it holds the code to."""
    silent = [
        f"{named(file)}: {node.name}"
        for file in TESTS
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert not silent


def test_nothing_is_left_for_later() -> None:
    """No marks of unfinished work in what is kept, apart from generated and downloaded text."""
    skipped = {"requirements.lock"}
    endings = {".py", ".md", ".toml", ".sql", ".sh", ".yaml", ".yml", ""}
    marked = [
        name
        for name in tracked()
        if name not in skipped
        and (ROOT / name).suffix in endings
        and (ROOT / name).is_file()
        and LEFT_OVER.search((ROOT / name).read_text(errors="replace"))
    ]
    assert not marked


def test_the_contract_imports_pydantic_and_the_standard_library_only() -> None:
    """shared.events can be read, and lifted out, by whoever has pydantic, with two modules that need nothing at all."""
    plain = ("inert", "given")
    for file in [ROOT / "shared" / f"{name}.py" for name in plain] + sorted((ROOT / "shared" / "events").rglob("*.py")):
        tree = ast.parse(file.read_text())
        allowed = sys.stdlib_module_names | {"shared"} | ({"pydantic"} if file.stem not in plain else set())
        assert imports(tree) <= allowed, named(file)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module == "shared":
                assert {alias.name for alias in node.names} <= set(plain), named(file)
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("shared."):
                assert (node.module or "").split(".")[1] in {"events", *plain}, named(file)


def test_astropy_is_imported_where_it_is_needed_only() -> None:
    """The astropy library is slow to import: only the scanner and shared.frames use it, inside functions."""
    for file in SOURCES:
        tree = ast.parse(file.read_text())
        if "astropy" in imports(tree):
            assert named(file).startswith(ASTROPY_AT_HOME), named(file)
            assert "astropy" not in {name for node in tree.body for name in _imports_at_start(node)}, named(file)


def of_services() -> Iterator[tuple[Path, bool]]:
    """Each file of a service, and whether it is at its edge."""
    for file in SOURCES:
        _, name, *rest = file.relative_to(ROOT).parts
        if file.is_relative_to(ROOT / "services") and name in NAMES:
            yield file, "/".join(rest).startswith(EDGES)


def used_of_servers(tree: ast.AST) -> set[str]:
    """What a syntax tree names of the libraries of the servers, such as ``asyncpg.DataError``."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.asname or "." in alias.name}
        elif isinstance(node, ast.Attribute):
            found.add(ast.unparse(node))
    return {name for name in found if name.split(".")[0] in SERVERS}


def test_only_the_edges_of_a_service_use_database_and_bus() -> None:
    """A service meets its servers in app, handlers and store; where else it does, the reason is written above."""
    used = {
        named(file): used_of_servers(ast.parse(file.read_text())) - {HANDED_ON}
        for file, edge in of_services()
        if not edge
    }
    assert {name for name, parts in used.items() if parts} == BESIDE_THE_EDGES.keys()


SQL = re.compile(r"\s*(?:(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|MERGE INTO|LOCK TABLE)\s|WITH \w+ (?:\(|AS ))")


def test_the_sql_of_a_service_stands_in_its_store() -> None:
    """No other file of a service holds a statement, but for the description, whose one is for the status page."""
    found = []
    for file, _ in of_services():
        inside = file.relative_to(ROOT / "services").parts[1]
        if inside in {"store.py", "store", "description.py"}:
            continue
        found += [
            f"{named(file)}:{node.lineno}"
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value)
        ]
    assert found == []
    assert SQL.match("\nWITH late AS (SELECT 1)")
    assert SQL.match("UPDATE frame f SET counted = true")


def test_pure_files_reach_no_database_and_no_bus() -> None:
    """What awaits nothing is pure: no module that it imports, and none that these import, needs the servers.

    So is all of shared beside what is for them, and the simulation.
    """
    awaits = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    pure = [
        file
        for file, edge in of_services()
        if not edge and not any(isinstance(node, awaits) for node in ast.walk(ast.parse(file.read_text())))
    ]
    pure += (ROOT / "services" / "standalone" / "simulation").rglob("*.py")
    of_shared = (file for file in SOURCES if file.is_relative_to(ROOT / "shared"))
    pure += (file for file in of_shared if not named(file).startswith(DOORS_OF_SHARED))
    assert len(pure) > 100
    assert ways_to_servers(pure) == []


def test_no_task_can_die_unheard() -> None:
    """Tasks are started by shared.tasks or in a TaskGroup, and nobody throws away how one ended.

    A bare create_task or ensure_future, a thrown-away future of an executor, and gather(return_exceptions=True) whose
    results nobody looks at are where a failure vanishes.
    """
    unheard = []
    for file in SOURCES:
        if named(file) == "shared/tasks.py":
            continue
        tree = ast.parse(file.read_text())
        groups = set(_task_groups(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _called(node) in {"create_task", "ensure_future"}:
                receiver = node.func.value if isinstance(node.func, ast.Attribute) else None
                if not (isinstance(receiver, ast.Name) and receiver.id in groups):
                    unheard.append(f"{named(file)}:{node.lineno}: {_called(node)}")
            if isinstance(node, ast.Expr) and (lost := _thrown_away(node)):
                unheard.append(f"{named(file)}:{node.lineno}: {lost}")
    assert not unheard


def _called(node: ast.Call) -> str:
    """The last part of the name that is called."""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _task_groups(tree: ast.AST) -> Iterator[str]:
    """Names that stand for a TaskGroup somewhere in a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncWith):
            for item in node.items:
                if isinstance(item.context_expr, ast.Call) and _called(item.context_expr) == "TaskGroup":
                    yield ast.unparse(item.optional_vars) if item.optional_vars else ""


def _thrown_away(node: ast.Expr) -> str:
    """What a statement starts and does not look at the end of, or nothing."""
    call = node.value.value if isinstance(node.value, ast.Await) else node.value
    if not isinstance(call, ast.Call):
        return ""
    collects = any(word.arg == "return_exceptions" for word in call.keywords)
    lost = _called(call) == "gather" and collects
    lost |= not isinstance(node.value, ast.Await) and _called(call) in {"submit", "run_in_executor"}
    return _called(call) if lost else ""


def _imports_at_start(node: ast.stmt) -> set[str]:
    return imports(node) if isinstance(node, ast.Import | ast.ImportFrom | ast.If | ast.Try) else set()


def test_a_service_is_read_from_outside_by_its_description_and_settings_alone() -> None:
    """Stack and command line look no deeper into a service, but where the reason is written above."""
    open_modules = {f"services.{name}.{module}" for name in NAMES for module in ("description", "settings")}
    for file in SOURCES:
        room = file.relative_to(ROOT / "services").parts[0] if file.is_relative_to(ROOT / "services") else ""
        if room not in {"cli", "standalone"}:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            module = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
            inside = module.split(".")[1] if module.startswith("services.") and module.count(".") else ""
            if inside in NAMES and (room, inside) not in LOOKS_INSIDE:
                assert module in open_modules, f"{named(file)} imports {module}"


def test_the_command_line_starts_without_heavy_libraries() -> None:
    """`nightbus --help` loads no astropy, numpy, database or broker library."""
    code = "import sys, services.cli.main; print(*sorted(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert "services.cli.main" in loaded
    assert loaded.isdisjoint({"astropy", "numpy", "sep", "asyncpg", "nats", "faststream", "sqlalchemy", "alembic"})


def test_asking_a_service_needs_no_service_framework() -> None:
    """A command of the command line does not wait for the imports of FastStream and structlog to ask a service."""
    code = "import sys, shared.bus.rpc, services.cli.connection; print(*sorted(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(run.stdout.split()).isdisjoint({"faststream", "structlog", "rich", "numpy"})


@pytest.mark.parametrize("service", NAMES)
def test_services_load_no_library_that_they_do_not_use(service: str) -> None:
    """A service pays neither for what others load where it is installed, nor for the command line, nor for pixels."""
    code = f"import sys, services.cli.serving, services.{service}.app; print(*sorted(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert "nats.aio.transport" in loaded
    assert loaded.isdisjoint({"aiohttp", "rich", "pygments", "typer", "alembic", "sqlalchemy"})
    assert loaded.isdisjoint({"astropy", "numpy", "scipy", "cv2", "sep", "PIL", "aioboto3", "botocore"})


def test_up_loads_no_service_framework() -> None:
    """`nightbus up` watches services, and needs for that neither FastStream nor a web server nor alembic."""
    code = "import sys, services.standalone.app; print(*sorted(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert {"asyncpg", "httpx"} <= loaded
    assert loaded.isdisjoint({"faststream", "uvicorn", "starlette", "rich", "aiohttp", "alembic", "sqlalchemy"})


def test_backup_still_finds_aiohttp() -> None:
    """What is kept from nats-py is there for aioboto3."""
    code = "import nats, sys, services.backup.destinations.s3.bucket; print(*sorted(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "aiohttp.payload" in run.stdout.split()


def test_no_dependency_brings_our_names() -> None:
    """`services` and `shared` are general words: nothing else in the environment ships a package of that name."""
    ours = {"services", "shared"}
    for distribution in distributions():
        if distribution.metadata["Name"] == "nightbus":
            continue
        top = {file.parts[0].removesuffix(".py") for file in distribution.files or () if file.parts}
        assert top.isdisjoint(ours), distribution.metadata["Name"]


def test_the_lock_pins_every_package_with_hashes() -> None:
    """requirements.lock: every entry is name==version with sha256 hashes, and no address stands in it."""
    text = (ROOT / "requirements.lock").read_text()
    assert "http" not in text.replace("httpx", "").replace("aiohttp", "").replace("httpcore", "").replace(
        "httptools", ""
    )
    assert "://" not in text
    assert "--index" not in text
    assert "@ " not in text
    entries = [entry for entry in re.split(r"\n(?=\S)", text.strip()) if not entry.startswith("#")]
    assert len(entries) > 50
    for entry in entries:
        first, *rest = entry.replace("\\\n", "\n").splitlines()
        assert re.match(r"^[a-z0-9][a-z0-9._-]*(\[[a-z0-9,_-]+\])?==[^\s;]+( ;.*)?\s*$", first), first
        assert rest, f"{first} has no hash"
        assert all(re.fullmatch(r"\s+--hash=sha256:[0-9a-f]{64}\s*", line) for line in rest), first


def test_the_lock_holds_what_the_project_asks_for() -> None:
    """Every dependency of pyproject.toml, extras and development included, is in requirements.lock."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = [
        *project["project"]["dependencies"],
        *(item for group in project["project"]["optional-dependencies"].values() for item in group),
        *(item for group in project["dependency-groups"].values() for item in group),
    ]
    pinned = {line.split("==")[0].split("[")[0] for line in (ROOT / "requirements.lock").read_text().splitlines()}
    names = {re.split(r"[\[<>=!~; ]", item)[0].lower().replace("_", "-") for item in asked}
    assert names <= pinned


def test_no_file_that_names_hosts_is_kept() -> None:
    """uv.lock holds the addresses of whoever wrote it, so it is not kept; nor are environments, caches or secrets."""
    kept = tracked()
    assert "uv.lock" not in {Path(name).name for name in kept}
    assert not [
        name for name in kept if re.search(r"(^|/)(\.venv|__pycache__|\.env|node_modules)(/|$)|\.pyc$|\.pem$", name)
    ]


def test_every_make_verb_is_explained() -> None:
    """`make help` lists every verb with its purpose."""
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony
    explained = set(re.findall(r"^([a-z0-9-]+):.*## ", makefile, re.MULTILINE))
    assert set(phony.group(1).split()) - {"help"} <= explained


def test_the_ci_script_runs_the_three_verbs_in_order() -> None:
    """.ci/run needs no terminal, runs setup, check and test, lists what was skipped, and ends with 0."""
    if shutil.which("make") is None or shutil.which("bash") is None:
        pytest.skip("make or bash is not here")
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    run = subprocess.run(
        [script],
        cwd="/",
        env={"PATH": os.environ["PATH"], "MAKEFLAGS": "-n"},  # make says what it would do
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    steps = [line.split(" (")[0] for line in run.stdout.splitlines() if line.startswith("==")]
    assert steps == ["== make setup", "== make check", "== make test", "== skipped tests"]
    assert run.stdout.endswith("all is well\n")


DOCUMENTS = sorted(
    [
        ROOT / name
        for name in ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "docs/architecture.md", "docs/glossary.md")
    ]
    + list((ROOT / "docs" / "adr").glob("*.md"))
)


@pytest.mark.parametrize("file", DOCUMENTS, ids=named)
def test_documents_point_at_what_is_there(file: Path) -> None:
    """Every relative link, and every path below services, shared, tests, docs or deploy that is named, exists."""
    text = file.read_text()
    links = [target for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text) if "://" not in target]
    assert [target for target in links if not (file.parent / target).exists()] == []
    paths = re.findall(r"`((?:services|shared|tests|docs|deploy)/[A-Za-z0-9_./-]+)`", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_architecture_knows_every_service() -> None:
    """docs/architecture.md has a paragraph for each folder of services."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    for package in sorted((ROOT / "services").glob("*/__init__.py")):
        assert f"\n**{package.parent.name}** " in text, package.parent.name


def test_every_decision_is_listed() -> None:
    """docs/adr/README.md lists each record, numbered without a gap."""
    records = sorted(file.name for file in (ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert [int(name[:4]) for name in records] == list(range(1, len(records) + 1))
    listed = (ROOT / "docs" / "adr" / "README.md").read_text()
    assert all(f"({name})" in listed for name in records)


def test_every_guarantee_names_tests_that_exist() -> None:
    """Each promise of docs/guarantees.md names at least one test, and every test it names is there."""
    lines = [line for line in (ROOT / "docs" / "guarantees.md").read_text().splitlines() if line.startswith("| ")]
    promises = [line for line in lines if not line.startswith("| Promise")]
    assert len(promises) > 20
    for line in promises:
        named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", line)
        assert named, line
        for file, name in named:
            assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE), f"{file}::{name}"


STARS = re.compile(r"\bSELECT\s+(?:[^;()]*?,\s*)?(?:\w+\.)?\*(?P<rest>[^;]*)", re.IGNORECASE)
GIVEN = re.compile(r"(?:,[^;()]*?)?\s*FROM\s+unnest\s*\(", re.IGNORECASE)
HINT = "nightbus sql"
"""A person may type what a hint says into psql."""


def _starred(text: str) -> list[str]:
    """Selects of all columns in a text, but for those of arrays that the statement itself is given."""
    return [match[0][:60] for match in STARS.finditer(text) if not GIVEN.match(match["rest"])]


def test_a_select_of_all_columns_is_found() -> None:
    """In any form; arrays that a statement unnests have the columns that it names."""
    assert _starred("SELECT * FROM stats.files")
    assert _starred("WITH x AS (SELECT 1) SELECT c.*, count(*) FROM stats.captures c")
    assert _starred("SELECT a, f.* FROM stats.files f")
    assert _starred("SELECT count(*), x.a * 2 FROM stats.files x") == []
    assert _starred("INSERT INTO a (b) SELECT * FROM unnest($1::text[])") == []
    assert _starred("SELECT $1, t.*, $2 FROM unnest($3::text[]) AS t") == []


def test_columns_are_named_where_rows_are_read() -> None:
    """No statement takes all columns of a table or view: a column that is added changes what nobody reads."""
    found = []
    for file in SOURCES:
        if named(file) == "services/cli/sql.py":  # the command that runs psql: its help
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and HINT not in node.value:
                found += [f"{named(file)}: {text}" for text in _starred(node.value)]
    for file in sorted(ROOT.glob("services/*/schema/*.sql")):
        found += [f"{named(file)}: {text}" for text in _starred(file.read_text())]
    assert not found
