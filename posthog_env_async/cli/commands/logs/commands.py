"""`posthog-env logs`: all commands about logs."""

from cyclopts import App

from posthog_env_async.cli.options.help import epilogue

from . import figures, query

__all__ = ["app"]

COMMANDS = (
    ("query", query.query_logs, query.EXAMPLES),
    ("count", figures.count_logs, figures.COUNT_EXAMPLES),
    ("sparkline", figures.show_sparkline, figures.SPARKLINE_EXAMPLES),
    ("services", figures.list_services, figures.SERVICES_EXAMPLES),
    ("attributes", figures.list_attributes, figures.ATTRIBUTES_EXAMPLES),
    ("values", figures.list_values, figures.VALUES_EXAMPLES),
)

app = App(name="logs", help="The logs of a project.")
for name, command, examples in COMMANDS:
    app.command(command, name=name, help_epilogue=epilogue(examples))
