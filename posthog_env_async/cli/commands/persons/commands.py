"""`posthog-env persons`: all commands about persons."""

from cyclopts import App

from posthog_env_async.cli.options.output import EXIT_CODES

from . import change, delete, lookup, read

__all__ = ["app"]

COMMANDS = (
    ("list", read.list_persons, read.LIST_EXAMPLES),
    ("get", read.get_person, read.GET_EXAMPLES),
    ("lookup", lookup.lookup_persons, lookup.EXAMPLES),
    ("at", read.person_at, read.AT_EXAMPLES),
    ("values", read.list_values, read.VALUES_EXAMPLES),
    ("activity", read.list_activity, read.ACTIVITY_EXAMPLES),
    ("cohorts", read.list_cohorts_of, read.COHORTS_EXAMPLES),
    ("update", change.update_person, change.UPDATE_EXAMPLES),
    ("set", change.set_property, change.SET_EXAMPLES),
    ("unset", change.unset_property, change.UNSET_EXAMPLES),
    ("split", change.split_person, change.SPLIT_EXAMPLES),
    ("delete", delete.delete_persons, delete.DELETE_EXAMPLES),
    ("deletions", delete.list_deletions, delete.DELETIONS_EXAMPLES),
)

app = App(name="persons", help="List, look up, change and delete persons.")
for name, command, examples in COMMANDS:
    app.command(command, name=name, help_epilogue=examples + EXIT_CODES)
