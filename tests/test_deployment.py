"""What deploy/ brings along: that it says what the service counts on."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from config import PROJECT_DIR, Settings

DEPLOY = PROJECT_DIR / "deploy"
NGINX = (DEPLOY / "nginx.conf").read_text()
GUNICORN = (PROJECT_DIR / "gunicorn.conf.py").read_text()


def figure(pattern: str, text: str) -> int:
    found = re.search(pattern, text, re.MULTILINE)
    assert found is not None, pattern
    return int(found[1])


def test_sockets_come_with_the_same_headers_as_all_else() -> None:
    """A location of nginx's with one header of its own inherits none: not whose address it is."""
    server, *locations = re.split(r"^    location ", NGINX, flags=re.MULTILINE)
    assert len(locations) == 2
    assert not any("proxy_set_header" in each for each in locations)
    for name in ("Host", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Upgrade"):
        assert f"proxy_set_header {name} $" in server


def test_it_says_that_a_socket_takes_two_connections_of_nginx() -> None:
    """Debian allows 768 for a process: 384 people, and then nobody gets in."""
    comment = NGINX.partition("\n\n")[0]
    allowed = figure(r"worker_connections (\d+) in its events", comment)
    assert allowed >= 2 * Settings.model_fields["socket_connections"].default
    assert figure(r"worker_rlimit_nofile (\d+)", comment) >= 2 * allowed


def test_nginx_lets_go_of_idle_connections_before_the_service_does() -> None:
    upstream = NGINX.partition("upstream ")[2].partition("}")[0]
    kept = figure(r"^    keepalive_timeout (\d+)s;", upstream)
    assert kept < figure(r"^keepalive = (\d+)", GUNICORN)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    """All but the programs, which are not where they will be."""
    units = []
    for unit in DEPLOY.glob("*.service"):
        units.append(tmp_path / unit.name)
        there = re.sub(r"/opt/stint/\.venv/bin/\w+", "/bin/true", unit.read_text())
        units[-1].write_text(there)
    assert len(units) == 2
    command = ["systemd-analyze", "verify", "--man=no", *map(str, units)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout + found.stderr) == (0, "")
