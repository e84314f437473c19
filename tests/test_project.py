"""The shell of the project: its map, its name and its workflows are right."""

import inspect
import re
import runpy
from pathlib import Path
from typing import get_type_hints

import pytest

from posthog_env_async import PostHogEnv, resources

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
SPELLED = [
    path
    for folder in ("posthog_env_async", "docs", "examples", ".github", ".ci")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".md", ".py", ".yml"} and "_build" not in path.parts
]
SPELLED += [path for path in sorted(ROOT.glob("*")) if path.suffix in {".md", ".toml"}]
FOLDERS = [
    path
    for folder in ("posthog_env_async", "tests")
    for path in sorted((ROOT / folder).iterdir())
    if path.is_dir() and path.name[0] not in "_." and path.name != "fixtures"
]


@pytest.mark.parametrize("path", FOLDERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_map_names_every_folder(path: Path) -> None:
    assert f"`{path.relative_to(ROOT).as_posix()}`" in CONTRIBUTING


def test_the_map_names_nothing_that_is_gone() -> None:
    section = CONTRIBUTING.partition("## Where things are")[2].partition("\n## ")[0]
    named = re.findall(r"`((?:posthog_env_async|tests|docs)/[\w./]+)`", section)

    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_layers_in_the_guide_are_those_that_are_checked() -> None:
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    layers = re.findall(r'"([^"]+)"', settings.partition("\nlayers = [")[2].partition("]")[0])

    assert "\n".join(layers) in CONTRIBUTING


@pytest.mark.parametrize("path", SPELLED, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_distribution_has_one_spelling(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert re.findall(r"posthog_env_async\[\w", text) == []
    assert re.findall(r"pip install '?posthog_env", text) == []


@pytest.mark.parametrize("path", sorted((ROOT / ".github").rglob("*.yml")), ids=lambda p: p.name)
def test_a_workflow_runs_what_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"\bmake ([a-z-]+)", text)) <= targets
    assert all((ROOT / script).is_file() for script in re.findall(r"run: (\.[\w/.]+)", text))


@pytest.mark.parametrize(
    "name", ["projects", "persons", "cohorts", "persisted_folders", "logs", "max_tools"]
)
def test_the_readme_names_every_method(name: str) -> None:
    kind = get_type_hints(PostHogEnv)[name]
    assert kind.__name__ in resources.__all__

    methods = {
        f"env.{name}.{method}()"
        for method, _ in inspect.getmembers(kind, inspect.isfunction)
        if not method.startswith("_")
    }

    assert methods
    assert {method for method in methods if method not in README} == set()


def test_the_readme_links_to_complete_addresses() -> None:
    links = re.findall(r"\]\(([^)]*)\)", README)

    assert links
    assert [link for link in links if not link.startswith("https://")] == []


def test_the_picture_shows_the_commands_that_its_script_runs() -> None:
    pytest.importorskip("rich")
    pytest.importorskip("pty")
    script = runpy.run_path(str(ROOT / "docs/picture.py"))
    shown = script["TARGET"].read_text(encoding="utf-8").replace("&#160;", " ")

    assert all(command in shown for command in script["COMMANDS"])


def test_the_picture_shows_what_is_left_on_the_screen() -> None:
    pytest.importorskip("rich")
    pytest.importorskip("pty")
    on_screen = runpy.run_path(str(ROOT / "docs/picture.py"))["on_screen"]

    assert (
        on_screen("50 %\r\nbar\r\x1b[2K\x1b[1A\x1b[2K100 %\r\n\x1b[?25hdone\r\n") == "100 %\ndone"
    )


def test_every_module_that_the_design_page_names_exists() -> None:
    page = (ROOT / "docs/design.md").read_text(encoding="utf-8")
    package = ROOT / "posthog_env_async"
    folders = "|".join(path.name for path in package.iterdir() if path.is_dir())
    named = set(re.findall(rf"`((?:{folders})/[\w/]+(?:\.py)?)`", page))

    assert named
    assert {name for name in named if not (package / name).exists()} == set()


def test_the_readme_links_to_pages_that_exist() -> None:
    pages = re.findall(r"readthedocs\.io/en/latest/(\w+)\.html", README)

    assert pages
    assert [page for page in pages if not (ROOT / f"docs/{page}.md").is_file()] == []
