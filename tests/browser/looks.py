"""What a view looks like, in both themes, wide and on a telephone, and whether all can use it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

Test = Callable[..., None]

AXE = (Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js").read_text()
FIND_VIOLATIONS = """
async () => (await axe.run()).violations
  .filter(({impact}) => impact === "serious" || impact === "critical")
  .map(({id, nodes}) => `${id}: ${nodes.map(({html}) => html).join(" ")}`)
"""
STICKS_OUT = "document.documentElement.scrollWidth > document.documentElement.clientWidth"

LOOKS = [(scheme, width) for scheme in ("light", "dark") for width in (390, 1280)]


def in_every_look(test: Test) -> Test:
    """Let a test that takes `scheme` and `width` see a view in all of them."""
    parametrized: Test = pytest.mark.parametrize(("scheme", "width"), LOOKS)(test)
    marked: Test = pytest.mark.looks(parametrized)
    return marked


def options_of(scheme: str, width: int) -> dict[str, Any]:
    """Return the options of a browser that looks so; axe makes markup, which our policy forbids."""
    return {
        "color_scheme": scheme,
        "viewport": {"width": width, "height": 844},
        "bypass_csp": True,
    }


def check(page: Page, name: str, folder: Path) -> None:
    """Take a picture of a view and let axe look at it."""
    page.screenshot(path=folder / f"{name}.png")
    page.evaluate(AXE)
    violations = page.evaluate(FIND_VIOLATIONS)
    assert not violations, f"{name}: {violations}"
    assert not page.evaluate(STICKS_OUT), f"{name}: something sticks out sideways"
