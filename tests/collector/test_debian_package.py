# SPDX-License-Identifier: Apache-2.0
"""The Debian package: what it holds, that its configuration is valid, and that an upgrade keeps what was edited."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.collector.collector import BINARY, need
from tools.collector import debian_package

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("collector-debian"),
    pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="found no dpkg-deb"),
]
CONFIG = "etc/otelcol-spancost/config.yaml"
FORCED = ("--force-not-root", "--force-script-chrootless", "--force-depends", "--force-confold")


def _run(*command: str | Path) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need()
    return debian_package.build(BINARY, tmp_path_factory.mktemp("deb"), "0.1.0")


def test_it_says_what_it_is_and_what_an_upgrade_keeps(package: Path) -> None:
    about = _run("dpkg-deb", "-I", package)
    for said in ("Package: otelcol-spancost", "Version: 0.1.0", "Depends: adduser"):
        assert said in about
    kept = _run("dpkg-deb", "-I", package, "conffiles").split()
    assert kept == [f"/{CONFIG}", "/etc/otelcol-spancost/environment"]
    assert "adduser --system" in _run("dpkg-deb", "-I", package, "postinst")


def test_files_belong_to_root_and_no_file_can_be_written_by_others(package: Path) -> None:
    lines = [line.split() for line in _run("dpkg-deb", "-c", package).splitlines()]
    assert {owner for _, owner, *_ in lines} == {"root/root"}
    assert [name for mode, *_, name in lines if mode[8] == "w"] == []
    modes = {name.removeprefix("./"): mode for mode, *_, name in lines}
    assert modes["usr/bin/otelcol-spancost"] == "-rwxr-xr-x"
    assert modes["etc/otelcol-spancost/environment"] == "-rw-r-----"


def test_the_installed_configurations_are_valid_for_the_installed_binary(package: Path, tmp_path: Path) -> None:
    _run("dpkg-deb", "-x", package, tmp_path)
    binary = tmp_path / "usr/bin/otelcol-spancost"
    _run(binary, "validate", "--config", tmp_path / CONFIG)
    unit = (tmp_path / "usr/lib/systemd/system/otelcol-spancost.service").read_text()
    assert "ExecStart=/usr/bin/otelcol-spancost --config /etc/otelcol-spancost/config.yaml" in unit
    assert "User=otelcol-spancost" in unit
    assert "DynamicUser" not in unit
    examples = {each.name for each in (tmp_path / "usr/share/doc/otelcol-spancost/examples").iterdir()}
    assert {"agent.yaml", "gateway.yaml", "spend.yaml", "alerts.yaml"} <= examples
    assert not any(name.startswith("builder") for name in examples)


def test_an_upgrade_keeps_an_edited_configuration_and_a_purge_leaves_nothing(package: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "var/lib/dpkg/info").mkdir(parents=True)
    (root / "var/lib/dpkg/status").touch()
    dpkg = ("dpkg", f"--root={root}", f"--log={tmp_path}/log", *FORCED)
    _run(*dpkg, "-i", package)
    edited = f"{(root / CONFIG).read_text()}# edited\n"
    (root / CONFIG).write_text(edited)
    _run(*dpkg, "-i", debian_package.build(BINARY, tmp_path, "0.2.0"))
    assert (root / CONFIG).read_text() == edited
    assert "Version: 0.2.0" in _run("dpkg-query", f"--admindir={root}/var/lib/dpkg", "-s", "otelcol-spancost")
    _run(*dpkg, "--purge", "otelcol-spancost")
    left = [each for each in root.rglob("*") if each.is_file() and "var/lib/dpkg" not in str(each)]
    assert left == []
