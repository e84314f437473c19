"""What of a command line may be repeated in a log or a mail."""

import pytest

pytest.importorskip("cyclopts")

from posthog_env_async.cli.output.resume_advice import COMMAND_LINE, resume_command


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (("export", "persons", "--out", "a b.ndjson"), "export persons --out 'a b.ndjson'"),
        (("export", "persons", "--redis", "redis://:pw@h/0", "--gzip"), "--redis '<redis>' --gzip"),
        (("export", "persons", "--email=ada@x.example", "--count"), "--email='<email>' --count"),
        (("export", "persons", "--property", "-x=1"), "persons --property '<property>'"),
        (("export", "persons", "--proxy", "http://u:p@h:1"), "persons --proxy '<proxy>'"),
        (("export", "persons", "--restart", "--overwrite"), "posthog-env export persons"),
    ],
)
def test_values_that_may_be_secret_or_personal_are_left_out(
    words: tuple[str, ...], advice: str
) -> None:
    COMMAND_LINE.set(words)

    assert resume_command().endswith(advice)
