"""What `posthog-env` says of itself: its commands by task, without loading any of them."""

from collections.abc import Iterator
from textwrap import wrap

__all__ = ["COMMANDS", "OVERVIEW"]

# Each task with its commands: a name, where its App is, what it does, and its own commands.
COMMANDS = (
    (
        "See and check",
        (
            ("demo", "demo", "Page, export, kill, resume and verify, without a key.", ""),
            ("doctor", "doctor", "Check host, key, scopes and endpoints.", ""),
            ("key", "key", "Show what the key may do.", ""),
            ("projects", "projects", "List the projects that the key can use.", ""),
            ("limits", "limits", "Show what the rate limits have left.", ""),
            ("fake", "fake", "Serve the embedded server for your own code.", ""),
            ("completion", "completion", "Complete commands and options in your shell.", ""),
        ),
    ),
    (
        "Read and change",
        (
            (
                "persons",
                "persons.commands",
                "List, look up, change and delete persons.",
                "list get lookup at values activity cohorts update set unset split delete"
                " deletions",
            ),
            ("cohorts", "cohorts", "List cohorts and their persons.", "list get persons"),
            ("erase", "erase", "Erase persons under a ledger, with a receipt.", "persons status"),
            (
                "folders",
                "folders",
                "The folders that the key's owner keeps.",
                "list get home create update replace delete",
            ),
            (
                "logs",
                "logs",
                "Query and count logs.",
                "query count sparkline services attributes values",
            ),
            ("ask", "ask", "Ask PostHog's AI for an insight.", ""),
        ),
    ),
    (
        "Export",
        (
            (
                "export",
                "export.command",
                "Persons, cohorts, folders or logs, into complete files.",
                "persons cohort folders logs",
            ),
            ("verify", "verify", "Check exported files against their manifests.", ""),
        ),
    ),
)
WIDTH = 66
HEAD = """Usage: posthog-env COMMAND

Get data out of a PostHog environment: complete, fast, polite to the server.
"""
TAIL = """
posthog-env COMMAND --help shows options and examples; --version the version.

Begin with:

  posthog-env demo                        see it work, without a key
  export POSTHOG_PERSONAL_API_KEY=phx_…   PostHog: Settings, Personal API keys
  posthog-env doctor --project 1          check host, key and scopes
  posthog-env persons list --project 1
  posthog-env export persons --project 1 --out persons.ndjson.gz

Exit codes: 0 done · 1 failed · 2 wrong use or configuration, nothing changed ·
3 incomplete, or not verified · 75 the rate limit needs a longer wait ·
130 stopped by Ctrl-C · 143 stopped by SIGTERM
"""


def _lines() -> Iterator[str]:
    for task, commands in COMMANDS:
        yield f"\n{task}:\n"
        for name, _, does, words in commands:
            yield f"  {name:<11} {does}\n"
            yield from (f"{'':14}{line}\n" for line in wrap(words, WIDTH))


OVERVIEW = f"{HEAD}{''.join(_lines())}{TAIL}"
"""The text of `posthog-env --help`."""
