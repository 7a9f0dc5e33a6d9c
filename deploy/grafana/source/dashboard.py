"""A dashboard: its variables, and its panels from left to right and top to bottom."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from deploy.grafana.source.panels import POSTGRES, PROMETHEUS, WIDTH, Json, Panel, Row

ALL = "'*'"
"""What a variable stands for while all its values are chosen: a list of one word that no value is."""
NONE = "-"
"""The value that stands for rows without one, such as exposures of no known target."""
_SCHEMA_VERSION = 39
"""Of the JSON: that of Grafana 11, which newer ones read."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A variable that restricts what SQL panels show; the query gives ``__value`` and perhaps ``__text``."""

    name: str
    label: str
    query: str

    def json(self) -> Json:
        """The variable as Grafana keeps it."""
        return {
            "type": "query", "name": self.name, "label": self.label, "datasource": POSTGRES,
            "query": self.query.strip(), "definition": self.query.strip(), "multi": True, "includeAll": True,
            "allValue": ALL, "refresh": 2,
            "sort": 0, "hide": 0, "regex": "", "options": [],
            "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        }  # fmt: skip


def chosen(column: str, choice: Choice) -> str:
    """The condition that a column has one of the chosen values."""
    values = f"(${{{choice.name}:sqlstring}})"
    return f"({ALL} IN {values} OR coalesce({column}, '{NONE}') IN {values})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """All of one dashboard. ``since`` is how far back it looks at first."""

    name: str
    title: str
    description: str
    since: str
    panels: Sequence[Panel | Row]
    choices: Sequence[Choice] = ()
    refresh: str = "5m"


def _datasource(name: str, label: str, kind: str) -> Json:
    return {
        "type": "datasource", "name": name, "label": label, "query": kind, "refresh": 1, "multi": False,
        "includeAll": False, "hide": 0, "regex": "", "options": [], "current": {},
    }  # fmt: skip


def _placed(panels: Sequence[Panel | Row]) -> list[Json]:
    """The panels with their places: one beside the other while there is room, then below the highest."""
    found: list[Json] = []
    left = top = below = 0
    for number, panel in enumerate(panels, 1):
        width, height = (WIDTH, 1) if isinstance(panel, Row) else (panel.width, panel.height)
        if left + width > WIDTH:
            left, top = 0, below
        place = {"id": number, "gridPos": {"x": left, "y": top, "w": width, "h": height}}
        if isinstance(panel, Row):
            found.append({**place, "type": "row", "title": panel.title, "collapsed": False, "panels": []})
        else:
            found.append({**place, **panel.json()})
        left, below = left + width, max(below, top + height)
    return found


def text_of(dashboard: Dashboard) -> str:
    """The file that Grafana reads."""
    used = [query.datasource for panel in dashboard.panels if isinstance(panel, Panel) for query in panel.queries]
    sources = [
        _datasource(name, label, kind["type"])
        for name, label, kind in (("postgres", "Postgres", POSTGRES), ("prometheus", "Prometheus", PROMETHEUS))
        if kind in used
    ]
    whole = {
        "uid": f"nightbus-{dashboard.name}",
        "title": f"Nightbus: {dashboard.title}",
        "description": dashboard.description,
        "tags": ["nightbus"],
        "schemaVersion": _SCHEMA_VERSION,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": dashboard.refresh,
        "time": {"from": dashboard.since, "to": "now"},
        "timezone": "browser",
        "templating": {"list": [*sources, *(choice.json() for choice in dashboard.choices)]},
        "annotations": {"list": []},
        "links": [
            {
                "type": "dashboards", "title": "Nightbus", "tags": ["nightbus"], "asDropdown": False,
                "includeVars": False, "keepTime": False, "targetBlank": False, "icon": "external link", "url": "",
            }
        ],
        "panels": _placed(dashboard.panels),
    }  # fmt: skip
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
