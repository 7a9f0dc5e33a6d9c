"""What home-lab stores install from: each file is of its store's format, and says what the images say."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "deploy"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
UNRAID = DEPLOY / "stores" / "unraid" / "nightbus.xml"
ELEMENTS = {
    "Name", "Repository", "Registry", "Network", "MyIP", "Shell", "Privileged", "Support", "Project", "Overview",
    "Category", "WebUI", "TemplateURL", "Icon", "ExtraParams", "PostArgs", "CPUset", "DateInstalled", "DonateText",
    "DonateLink", "Requires", "Config",
}  # fmt: skip
"""Elements of a template of version 2 that Unraid knows."""
CONFIG = {"Name", "Target", "Default", "Mode", "Description", "Type", "Display", "Required", "Mask"}
DISPLAYS = {"always", "always-hide", "advanced", "advanced-hide"}
MODES = {"rw", "ro", "rw,slave", "ro,slave", "rw,shared", "ro,shared"}
TEMPLATE_KEYS = {
    "type", "title", "name", "description", "note", "categories", "platform", "logo", "repository", "env",
    "administrator-only",
}  # fmt: skip
"""Keys of a template of Portainer for a stack of compose."""


@pytest.fixture(scope="module")
def unraid() -> ET.Element:
    """The template's root."""
    return ET.parse(UNRAID).getroot()  # noqa: S314 - our own file


@pytest.fixture(scope="module")
def portainer() -> dict[str, Any]:
    """The template of the stack."""
    found = json.loads((DEPLOY / "stores" / "portainer" / "templates.json").read_text())
    assert found["version"] == "2"
    (template,) = found["templates"]
    assert isinstance(template, dict)
    return template


def test_the_unraid_template_is_of_version_2(unraid: ET.Element) -> None:
    """It has the elements that Unraid needs, and none that it does not know."""
    assert (unraid.tag, unraid.get("version")) == ("Container", "2")
    names = [element.tag for element in unraid]
    assert set(names) <= ELEMENTS
    assert {"Name", "Repository", "Network", "Overview", "Category"} <= set(names)
    assert all(names.count(name) == 1 for name in names if name != "Config")
    assert unraid.findtext("Privileged") == "false"
    assert unraid.findtext("Repository") == f"nightbus-all-in-one:{VERSION}"
    category = unraid.findtext("Category") or ""
    assert all(word.endswith(":") or ":" in word for word in category.split())


def test_each_field_of_the_unraid_template_is_whole(unraid: ET.Element) -> None:
    """A field has every attribute, its values are those that Unraid offers, and a needed one has a value."""
    fields = unraid.findall("Config")
    assert len({field.get("Target") for field in fields}) == len(fields)
    for field in fields:
        assert set(field.attrib) == CONFIG, field.get("Name")
        assert field.get("Type") in {"Port", "Path", "Variable", "Label", "Device"}
        assert field.get("Display") in DISPLAYS
        assert {field.get("Required"), field.get("Mask")} <= {"true", "false"}
        assert field.get("Type") != "Path" or field.get("Mode") in MODES
        assert (field.text or "") == field.get("Default"), "what is filled in is what is offered"
        assert field.get("Required") == "false" or field.text, field.get("Name")


def test_the_unraid_template_says_what_the_image_reads(unraid: ET.Element) -> None:
    """Its paths and variables are those of the image and its entry script; captures are read-only unless chosen."""
    image = (DEPLOY / "docker" / "Dockerfile").read_text()
    entry = (DEPLOY / "docker" / "entrypoint.sh").read_text()
    fields = {field.get("Target") or "": field for field in unraid.findall("Config")}
    variables = {name for name, field in fields.items() if field.get("Type") == "Variable"}
    assert variables == {"PUID", "PGID", "UMASK", "TZ"}
    assert all(f"${{{name}:-" in entry for name in variables)
    assert "VOLUME /data" in image
    assert {"/data", "/library"} <= set(fields)
    for name, field in fields.items():
        if name.startswith("/sources/"):
            assert (field.get("Mode") or "").startswith("ro"), name


def test_the_unraid_container_is_closed(unraid: ET.Element) -> None:
    """It begins as root to take on PUID, keeps four rights for that, and can write to its volumes alone."""
    words = (unraid.findtext("ExtraParams") or "").split()
    assert words[words.index("--user") + 1] == "0:0"
    assert "--read-only" in words
    assert words[words.index("--cap-drop") + 1] == "ALL"
    assert {words[at + 1] for at, word in enumerate(words) if word == "--cap-add"} == {
        "CHOWN", "DAC_OVERRIDE", "SETGID", "SETUID",
    }  # fmt: skip
    assert int(words[words.index("--stop-timeout") + 1]) >= 60, "services have 25 s, then the servers 35 s"


def test_the_portainer_template_is_a_stack_of_compose(portainer: dict[str, Any]) -> None:
    """It has the keys of a template of type 3 and leads to compose.yaml of this repository."""
    assert set(portainer) <= TEMPLATE_KEYS
    assert {"type", "title", "description", "repository"} <= set(portainer)
    assert portainer["type"] == 3
    assert set(portainer["repository"]) == {"url", "stackfile"}
    assert (ROOT / portainer["repository"]["stackfile"]).is_file()


def test_the_portainer_template_asks_for_what_compose_needs(portainer: dict[str, Any]) -> None:
    """It asks for each variable of .env.example, offers its values, and names no folder relative to one of its own."""
    asked = {field["name"]: field for field in portainer["env"]}
    example = dict(re.findall(r"^([A-Z_0-9]+)=(.*)$", (DEPLOY / "compose" / ".env.example").read_text(), re.MULTILINE))
    compose = (DEPLOY / "compose" / "compose.yaml").read_text()
    relative = set(re.findall(r"\$\{([A-Z_]+):-\./", compose)) - {"NIGHTBUS_S3_BUCKETS"}
    assert set(example) <= set(asked)
    assert relative <= set(asked)
    assert set(asked) <= set(re.findall(r"\$\{([A-Z_0-9]+)", compose))
    assert asked["NIGHTBUS_VERSION"]["default"] == VERSION
    for field in portainer["env"]:
        assert {"name", "label", "description"} <= set(field) <= {"name", "label", "description", "default", "select"}
        assert not str(field.get("default", "")).startswith("."), "Portainer keeps the checkout where nobody finds it"
        for choice in field.get("select", []):
            assert {"text", "value"} <= set(choice)


def test_compose_is_yaml_that_every_reader_understands() -> None:
    """Merged mappings and anchors are resolved by a plain reader of YAML, as Portainer and Synology have one."""
    services = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())["services"]
    assert all("image" in one for one in services.values())
