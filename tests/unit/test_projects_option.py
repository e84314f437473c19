"""The projects that `--project` names."""

import pytest

pytest.importorskip("cyclopts")

from posthog_env_async import ConfigurationError
from posthog_env_async.cli.options.parsing import projects_in


@pytest.mark.parametrize(
    ("texts", "projects"),
    [
        ((), ()),
        (("7",), ("7",)),
        (("1,2,7",), ("1", "2", "7")),
        (("1-3, 9", "12"), ("1", "2", "3", "9", "12")),
        (("@current",), ("@current",)),
    ],
)
def test_projects_are_ids_ranges_and_repeated(
    texts: tuple[str, ...], projects: tuple[str, ...]
) -> None:
    assert projects_in(texts) == projects


@pytest.mark.parametrize(
    "texts", [("1,,2",), ("",), ("1,1",), ("1-3", "2"), ("3-1",), ("1-99999",)]
)
def test_what_names_no_projects_is_refused(texts: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError, match="--project"):
        projects_in(texts)
