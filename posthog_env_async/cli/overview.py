"""What `posthog-env` says of itself: its commands by task, without loading any of them."""

from collections.abc import Iterator

__all__ = ["COMMANDS", "overview"]

# Each task with its commands: a name, where its App is, and what it does.
COMMANDS = (
    (
        "See and check",
        (
            ("demo", "demo.command", "Page, export, kill, resume and verify, without a key."),
            ("doctor", "doctor.command", "Check host, key, scopes and endpoints."),
            ("key", "key", "Show what the key may do."),
            ("projects", "projects", "List the projects that the key can use."),
            ("limits", "limits", "Show what the rate limits have left."),
            ("fake", "fake", "Serve the embedded server for your own code."),
            ("completion", "completion", "Complete commands and options in your shell."),
        ),
    ),
    (
        "Read and change",
        (
            ("persons", "persons.commands", "List, look up, change and delete persons."),
            ("cohorts", "cohorts", "List cohorts and their persons."),
            ("erase", "erase", "Erase persons under a ledger, with a receipt."),
            ("folders", "folders", "The folders that the key's owner keeps."),
            ("logs", "logs.commands", "Query, count and describe the logs of a project."),
            ("ask", "ask", "Ask PostHog's AI for an insight."),
        ),
    ),
    (
        "Export",
        (
            ("export", "export.command", "Persons, cohorts, folders or logs, into complete files."),
            ("verify", "verify", "Check exported files against their manifests."),
        ),
    ),
)
HEAD = """Usage: posthog-env COMMAND

Get data out of a PostHog environment: complete, fast, polite to the server.
"""
TAIL = """
posthog-env COMMAND --help shows a command's options and examples. --version shows the version.

Begin with:

  posthog-env demo                               see it work, without a key
  export POSTHOG_PERSONAL_API_KEY=phx_…          from PostHog: Settings, Personal API keys
  posthog-env doctor --project 1                 check host, key and scopes
  posthog-env persons list --project 1
  posthog-env export persons --project 1 --out persons.ndjson.gz

Exit codes: 0 done · 1 failed · 2 wrong use or configuration, nothing was changed ·
3 incomplete, or not verified · 75 the rate limit needs a longer wait ·
130 stopped by Ctrl-C · 143 stopped by SIGTERM
"""


def overview() -> str:
    """Return the text of `posthog-env --help`."""
    return f"{HEAD}{''.join(_lines())}{TAIL}"


def _lines() -> Iterator[str]:
    for task, commands in COMMANDS:
        yield f"\n{task}:\n"
        for name, _, does in commands:
            yield f"  {name:<11} {does}\n"
