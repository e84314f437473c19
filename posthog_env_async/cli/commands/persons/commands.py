"""`posthog-env persons`: all commands about persons."""

from cyclopts import App

from posthog_env_async.cli.options.help import epilogue

from . import change, delete, facts, lookup, read

__all__ = ["app"]

COMMANDS = (
    ("list", read.list_persons, read.LIST_EXAMPLES),
    ("get", read.get_person, read.GET_EXAMPLES),
    ("lookup", lookup.lookup_persons, lookup.EXAMPLES),
    ("at", facts.person_at, facts.AT_EXAMPLES),
    ("values", facts.list_values, facts.VALUES_EXAMPLES),
    ("activity", facts.list_activity, facts.ACTIVITY_EXAMPLES),
    ("cohorts", facts.list_cohorts_of, facts.COHORTS_EXAMPLES),
    ("update", change.update_person, change.UPDATE_EXAMPLES),
    ("set", change.set_property, change.SET_EXAMPLES),
    ("unset", change.unset_property, change.UNSET_EXAMPLES),
    ("split", change.split_person, change.SPLIT_EXAMPLES),
    ("delete", delete.delete_persons, delete.DELETE_EXAMPLES),
    ("deletions", delete.list_deletions, delete.DELETIONS_EXAMPLES),
)

app = App(name="persons", help="List, look up, change and delete persons.")
for name, command, examples in COMMANDS:
    app.command(command, name=name, help_epilogue=epilogue(examples))
