"""Build the release twice and check what would be uploaded: `make release-check`.

Both builds start from the files that git knows, in different folders, time zones and umasks, and
must give the same bytes. With `--tag v0.1.0` the tag, the version and the changelog must agree.
"""

import argparse
import email
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
DISTRIBUTION = "posthog-env-async"
PACKAGE = "posthog_env_async"
SOURCE_ONLY = ("CHANGELOG.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "LICENSE", "Makefile")
SOURCE_ONLY += ("README.md", "SECURITY.md", "docs/conf.py", "pyproject.toml", "tests/conftest.py")


def main() -> None:
    """Build, compare, look inside, and print what is there."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--tag", help="the tag of the release, v and the version")
    tag = options.parse_args().tag
    with tempfile.TemporaryDirectory() as folder:
        first = build(Path(folder, "first"), TZ="UTC", umask=0o022)
        second = build(Path(folder, "elsewhere", "second"), TZ="Asia/Tokyo", umask=0o077)
        compare(first, second)
        shutil.rmtree(DIST, ignore_errors=True)
        shutil.copytree(first, DIST)
    wheel, sdist = sorted(DIST.glob("*.whl"))[0], sorted(DIST.glob("*.tar.gz"))[0]
    run(sys.executable, "-m", "twine", "check", "--strict", str(wheel), str(sdist))
    version = check_wheel(wheel)
    check_sdist(sdist, version)
    check_import(wheel, version)
    check_tag(tag, version)
    for file in (wheel, sdist):
        print(f"{file.relative_to(ROOT)}: {file.stat().st_size:,} bytes, twice the same")


def run(*command: str, **options: object) -> str:
    """Run a command and return what it printed; stop when it fails."""
    done = subprocess.run(  # type: ignore[call-overload]
        command, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options
    )
    require(done.returncode == 0, f"{' '.join(command)}\n{done.stdout}")
    return str(done.stdout)


def require(fact: bool, message: str) -> None:
    """Stop with a message unless a fact holds."""
    if not fact:
        sys.exit(f"release-check: {message}")


def tracked() -> set[str]:
    """Return the files that git knows, as paths below the root."""
    return set(run("git", "ls-files", "-z", cwd=ROOT).strip("\0").split("\0"))


def build(folder: Path, *, TZ: str, umask: int) -> Path:  # noqa: N803 - the variable's own name
    """Copy the tracked files into a folder, build there, and return where the results are."""
    source = folder / "source"
    for name in tracked():
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    moment = run("git", "log", "-1", "--format=%ct", cwd=ROOT).strip()
    environment = os.environ | {"SOURCE_DATE_EPOCH": moment, "TZ": TZ}
    command = (sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder / "dist"))
    run(*command, str(source), env=environment, umask=umask, cwd=folder)
    return folder / "dist"


def compare(first: Path, second: Path) -> None:
    """Require that two builds gave the same files."""
    names = sorted(file.name for file in first.iterdir())
    require(names == sorted(file.name for file in second.iterdir()), "the builds differ in names")
    for name in names:
        same = (first / name).read_bytes() == (second / name).read_bytes()
        require(same, f"{name}: two builds of the same files differ")


def check_wheel(wheel: Path) -> str:
    """Require the package, its metadata and nothing else; return the version."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (metadata_name,) = [name for name in names if name.endswith(".dist-info/METADATA")]
        metadata = email.message_from_bytes(archive.read(metadata_name))
    code = {name for name in names if ".dist-info/" not in name}
    ours = {name for name in tracked() if name.startswith(f"{PACKAGE}/") and (ROOT / name).exists()}
    require(code == ours, f"the wheel differs from {PACKAGE}/: {sorted(code ^ ours)}")
    require(f"{PACKAGE}/py.typed" in code, "the wheel lacks py.typed")
    version = str(metadata["Version"])
    require(metadata["Name"] == DISTRIBUTION, f"the name is {metadata['Name']}")
    require(wheel.name == f"{PACKAGE}-{version}-py3-none-any.whl", f"odd name: {wheel.name}")
    require(any(name.endswith("licenses/LICENSE") for name in names), "the wheel lacks LICENSE")
    return version


def check_sdist(sdist: Path, version: str) -> None:
    """Require tracked files only, and those that tests and documentation need."""
    root = PurePosixPath(f"{PACKAGE}-{version}")
    with tarfile.open(sdist) as archive:
        members = [member for member in archive.getmembers() if member.isfile()]
    names = {str(PurePosixPath(member.name).relative_to(root)) for member in members}
    strangers = names - tracked() - {"PKG-INFO"}
    require(not strangers, f"the sdist has what git does not know: {sorted(strangers)}")
    missing = set(SOURCE_ONLY) - names
    require(not missing, f"the sdist lacks {sorted(missing)}")


def check_import(wheel: Path, version: str) -> None:
    """Require that the package runs from the wheel alone."""
    code = f"import {PACKAGE} as p; print(p.__version__, p.__file__)"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("POSTHOG_")}
    with tempfile.TemporaryDirectory() as folder:
        shutil.unpack_archive(wheel, folder, "zip")
        said = run(
            sys.executable, "-P", "-c", code, cwd=folder, env=environment | {"PYTHONPATH": folder}
        )
    require(said.startswith(f"{version} {folder}"), f"the wheel does not import: {said}")


def check_tag(tag: str | None, version: str) -> None:
    """Require that tag, version and changelog agree, where a tag is given."""
    if tag is None:
        return
    require(tag == f"v{version}", f"the tag is {tag}, the version {version}")
    heading = rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$"
    found = re.search(heading, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    require(found is not None, f"CHANGELOG.md has no dated section for {version}")


if __name__ == "__main__":
    main()
