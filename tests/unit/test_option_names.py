"""Messages of the package, in the words of the command line."""

import pytest

pytest.importorskip("cyclopts")

from posthog_env_async.cli.output.option_names import in_options


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "give project_id or set POSTHOG_PROJECT_ID; env.projects.list() shows the ids",
            "give --project or set POSTHOG_PROJECT_ID; posthog-env projects shows the ids",
        ),
        ("page_size must be a whole number", "--page-size must be a whole number"),
        ("timeout must be more than 0 seconds", "--timeout must be more than 0 seconds"),
        ("the port of host must be a number", "the port of --host must be a number"),
        ("give format='csv'", "give --format csv"),
        ("start over with resume=False (--restart), now", "start over with --restart, now"),
        ("a file of yours: overwrite=True replaces it", "a file of yours: --overwrite replaces it"),
        ("choose with compression='zstd' or 'gzip'", "choose with --zstd or 'gzip'"),
        ("the format of 'x.txt' is unknown", "the format of 'x.txt' is unknown"),
        ("no 'distinct_id' in distinct_ids", "no 'distinct_id' in --distinct-id"),
        ("there is no 'properties.page_size'", "there is no 'properties.page_size'"),
        ("the server's person_id=7 is odd", "the server's person_id=7 is odd"),
    ],
)
def test_parameters_become_options(text: str, words: str) -> None:
    assert in_options(text) == words
