"""The alerts and the dashboard that docs/ brings along: about metrics that there are."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from config import PROJECT_DIR
from services.metrics_service import metrics_service
from utils import metrics

FOLDER = PROJECT_DIR / "docs" / "monitoring"
GUIDE = (PROJECT_DIR / "docs" / "monitoring.rst").read_text()
RULES = yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"][0]["rules"]
PANELS = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
EXPRESSIONS = [rule["expr"] for rule in RULES] + [
    target["expr"] for panel in PANELS for target in panel["targets"]
]
PROMTOOL = shutil.which("promtool")
SUFFIX = re.compile(r"_(bucket|sum|count|total|created)$")


@pytest.fixture
def names(database: str) -> set[str]:
    """What /metrics has in a process that serves."""
    assert metrics.REQUESTS in REGISTRY._collector_to_names  # all of them are read, not some
    text = metrics_service.exposition().decode()
    return set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))


def measured_in(expression: str) -> set[str]:
    return set(re.findall(r"\bstint_[a-z_]+", expression))


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_what_is_looked_at_is_measured(expression: str, names: set[str]) -> None:
    known = names | {SUFFIX.sub("", name) for name in names}
    for name in measured_in(expression):
        assert name in known or SUFFIX.sub("", name) in known, name


def test_the_guide_names_all_that_is_measured(names: set[str]) -> None:
    ours = {name for name in names if name.startswith("stint_") and not name.endswith("_created")}
    assert {name for name in ours if f"``{name}``" not in GUIDE} == set()


def test_the_guide_says_what_to_do_about_each_alert() -> None:
    headings = set(re.findall(r"^(Stint\w+)$", GUIDE, re.MULTILINE))
    assert headings == {rule["alert"] for rule in RULES}


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
def test_prometheus_can_read_the_alerts_and_the_dashboard(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [
        {"record": f"checked:{number}", "expr": expression}
        for number, expression in enumerate(EXPRESSIONS)
    ]
    panels = tmp_path / "panels.yaml"
    panels.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": records}]}))
    for path in (FOLDER / "alerts.yaml", panels):
        done = subprocess.run(
            [str(PROMTOOL), "check", "rules", path], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_panels_do_not_lie_above_each_other() -> None:
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in PANELS]
    assert len(set(places)) == len(PANELS) == len({panel["id"] for panel in PANELS})
