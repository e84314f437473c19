"""What the code, the tests and the pages refer to is in the repository."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PLACES = ("posthog_env_async", "tests", "docs", "examples", "benchmarks", ".ci", ".github")
SUFFIXES = {".md", ".py", ".toml", ".yml", ".yaml", ".in"}
FILES = [
    path
    for folder in (ROOT, *(ROOT / name for name in PLACES))
    for path in sorted(folder.glob("*") if folder == ROOT else folder.rglob("*"))
    if path.suffix in SUFFIXES and "_build" not in path.parts
]
# A document's name, unless it ends an address.
DOCUMENT = re.compile(r"(?<![\w/:.#-])[\w./-]*[\w-]+\.(?:md|rst)\b")
SECTION = re.compile(r"docs/server\.md,[\s#]+([A-Z][\w ]*)")
# A test writes these itself.
WRITTEN_BY_TESTS = {"page.md"}


def documents_cited_in(path: Path) -> set[str]:
    return set(DOCUMENT.findall(path.read_text(encoding="utf-8"))) - WRITTEN_BY_TESTS


def exists(document: str, cited_in: Path) -> bool:
    starts = (ROOT, ROOT / "docs", cited_in.parent)
    return any((start / document.lstrip("/")).is_file() for start in starts)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_document_that_a_file_cites_is_in_the_repository(path: Path) -> None:
    missing = {name for name in documents_cited_in(path) if not exists(name, path)}

    assert missing == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_section_of_the_server_page_that_a_file_cites_exists(path: Path) -> None:
    page = (ROOT / "docs/server.md").read_text(encoding="utf-8")
    sections = tuple(re.findall(r"^## (.+)$", page, re.MULTILINE))

    cited = SECTION.findall(path.read_text(encoding="utf-8"))

    assert [name for name in cited if not name.startswith(sections)] == []


def test_a_citation_of_a_document_elsewhere_is_found(tmp_path: Path) -> None:
    elsewhere = "ELSEWHERE" + ".md"
    source = tmp_path / "module.py"
    source.write_text(f"# {elsewhere} 1.2 · docs/server.md, Paging · https://example.com/a.md\n")

    assert documents_cited_in(source) == {elsewhere, "docs/server.md"}
