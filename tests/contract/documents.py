"""Writes the generated documents: ``python -m tests.contract.documents`` (``make docs``).

A change that would break readers of the contract is refused, unless ``--accept-breaking`` says that it is meant; then
``schema_version`` of the event has to grow as well. Drafts, which no service publishes yet, may change in any way.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from deploy.grafana.source.__main__ import files as dashboard_files
from services.cli.config import example_toml
from services.cli.document import document as commands_page
from tests.contract import asyncapi, dialects_page, events_page, golden, identities, metrics_page, nats_users, schemas
from tests.contract.examples import all_examples

ROOT = Path(__file__).parents[2]
RENEW = "run `make docs` and commit the result"
ACCEPT = "--accept-breaking"


def generated() -> dict[Path, Callable[[], str]]:
    """Every generated file and what makes its text."""
    files: dict[Path, Callable[[], str]] = {
        ROOT / "docs" / "events.md": events_page.render,
        ROOT / "docs" / "dialects.md": dialects_page.render,
        ROOT / "docs" / "metrics.md": metrics_page.render,
        ROOT / "docs" / "asyncapi.yaml": asyncapi.render,
        ROOT / "docs" / "commands.md": lambda: commands_page().rstrip() + "\n",
        ROOT / "deploy" / "nightbus.example.toml": example_toml,
        ROOT / "deploy" / "nats" / "users.conf": nats_users.render,
        identities.IDENTITIES: identities.render,
    }
    for file, text in dashboard_files().items():
        files[file] = lambda text=text: text  # type: ignore[misc]
    for name, model in schemas.contract_models().items():
        files[schemas.SCHEMAS / f"{name}.json"] = lambda model=model: schemas.render(model)  # type: ignore[misc]
    for name, example in all_examples().items():
        files[golden.GOLDEN / f"{name}.json"] = lambda example=example: golden.render(example)  # type: ignore[misc]
    return files


def orphans() -> list[Path]:
    """Kept schemas and golden files of subjects that the contract has no more."""
    known = set(generated())
    return sorted(
        file for folder in (schemas.SCHEMAS, golden.GOLDEN) for file in folder.glob("*.json") if file not in known
    )


def breaking_changes() -> list[str]:
    """What the models of today break for readers of the kept schemas and golden files; drafts have none."""
    gone = [file.stem for file in orphans() if file.parent == schemas.SCHEMAS]
    found = [f"{name} has left the contract" for name in gone if not schemas.was_draft(name)]
    found += identities.changed()
    for name, model in schemas.contract_models().items():
        if (file := schemas.SCHEMAS / f"{name}.json").is_file():
            found += schemas.breaks(json.loads(file.read_text()), schemas.schema_of(model))
    for name, example in all_examples().items():
        if (file := golden.GOLDEN / f"{name}.json").is_file() and not schemas.was_draft(name):
            found += golden.broken(file.read_text(), example)
    return found


def main(arguments: list[str]) -> int:
    """Write what has changed; returns the exit code."""
    breaking = breaking_changes()
    if breaking and ACCEPT not in arguments:
        print("these changes break readers of the contract:", *breaking, sep="\n  ", file=sys.stderr)
        print(f"raise schema_version and add {ACCEPT} if they are meant", file=sys.stderr)
        return 1
    for file in orphans():
        file.unlink()
        print(f"removed {file.relative_to(ROOT)}")
    for file, make in generated().items():
        text = make()
        if not file.is_file() or file.read_text() != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            print(f"wrote {file.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
