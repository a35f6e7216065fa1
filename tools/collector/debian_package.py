# SPDX-License-Identifier: Apache-2.0
"""Build the Debian package of the Collector: `make deb`, from the built binary and `collector-config/deploy`.

The package holds the binary, the systemd unit, a configuration and its variables as files that an upgrade keeps, and
the other configurations as examples. dpkg-deb writes it; nothing is downloaded.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import string
import subprocess
import tempfile
from pathlib import Path

from spancost import __version__

ROOT = Path(__file__).resolve().parent.parent.parent
CONFIGURATIONS = ROOT / "collector-config"
DEPLOY = CONFIGURATIONS / "deploy"
DEBIAN = DEPLOY / "debian"
BINARY = ROOT / "build" / "otelcol" / "otelcol-spancost"
NAME = "otelcol-spancost"
SCRIPTS = ("postinst", "prerm", "postrm")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
BUILDERS = "builder"
"""How the files begin that configure the build of a Collector."""


def unit() -> str:
    """Return the systemd unit for the paths and the user of the package."""
    text = (DEPLOY / f"{NAME}.service").read_text(encoding="utf-8")
    head, _, rest = text.partition("[Unit]")
    assert head.startswith("# SPDX"), "found no licence at the head of the unit"
    text = f"{head.splitlines()[0]}\n[Unit]{rest}"
    return text.replace("/usr/local/bin/", "/usr/bin/").replace("DynamicUser=yes", f"User={NAME}\nGroup={NAME}")


def install(text: str | Path, target: Path, mode: int = 0o644) -> None:
    """Write a text, or copy a file, to *target* with *mode*."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(text, Path):
        shutil.copyfile(text, target)
    else:
        target.write_text(text, encoding="utf-8")
    target.chmod(mode)


def stage(binary: Path, into: Path, version: str, architecture: str) -> None:
    """Lay the files of the package out under *into*."""
    install(binary, into / "usr/bin" / NAME, 0o755)
    install(unit(), into / "usr/lib/systemd/system" / f"{NAME}.service")
    install(CONFIGURATIONS / "minimal.yaml", into / "etc" / NAME / "config.yaml")
    install(DEBIAN / "environment", into / "etc" / NAME / "environment", 0o640)
    documents = into / "usr/share/doc" / NAME
    install(ROOT / "LICENSE", documents / "copyright")
    for each in (*CONFIGURATIONS.glob("*.yaml"), DEPLOY / "alerts.yaml"):
        if not each.name.startswith(BUILDERS):
            install(each, documents / "examples" / each.name)
    size = sum(each.stat().st_size for each in into.rglob("*") if each.is_file()) // 1024
    control = string.Template((DEBIAN / "control").read_text(encoding="utf-8")).substitute(
        version=version, architecture=architecture, size=size
    )
    install(control, into / "DEBIAN/control")
    install(DEBIAN / "conffiles", into / "DEBIAN/conffiles")
    for script in SCRIPTS:
        install(DEBIAN / script, into / "DEBIAN" / script, 0o755)
    for folder in (into, *(each for each in into.rglob("*") if each.is_dir())):
        folder.chmod(0o755)


def build(binary: Path, folder: Path, version: str) -> Path:
    """Write the package into *folder* and return its path. The same files give the same bytes."""
    architecture = ARCHITECTURES.get(platform.machine(), platform.machine())
    package = folder / f"{NAME}_{version}_{architecture}.deb"
    folder.mkdir(parents=True, exist_ok=True)
    epoch = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False)
    env = {"SOURCE_DATE_EPOCH": epoch.stdout.strip() or "0", **os.environ}
    with tempfile.TemporaryDirectory() as staged:
        stage(binary, Path(staged), version, architecture)
        command = ["dpkg-deb", "--root-owner-group", "-Zgzip", "-z6", "--build", staged, str(package)]
        subprocess.run(command, env=env, check=True, capture_output=True)
    return package


def main() -> None:
    """Build the package and print its path."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=BINARY)
    parser.add_argument("--folder", type=Path, default=ROOT / "build")
    chosen = parser.parse_args()
    print(build(chosen.binary, chosen.folder, __version__))


if __name__ == "__main__":
    main()
