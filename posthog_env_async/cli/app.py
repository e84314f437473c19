"""The commands, put together."""

from collections.abc import Sequence

from cyclopts import App, CycloptsError
from rich.console import Console

from posthog_env_async._version import __version__
from posthog_env_async.cli.commands.account import KEY_EXAMPLES, PROJECTS_EXAMPLES, key, projects
from posthog_env_async.cli.commands.ask import ASK_EXAMPLES, ask
from posthog_env_async.cli.commands.demo import DEMO_EXAMPLES, demo
from posthog_env_async.cli.commands.doctor import DOCTOR_EXAMPLES, doctor
from posthog_env_async.cli.commands.export import exports
from posthog_env_async.cli.commands.fake import FAKE_EXAMPLES, fake
from posthog_env_async.cli.commands.folders import folders
from posthog_env_async.cli.commands.limits import LIMITS_EXAMPLES, limits
from posthog_env_async.cli.commands.logs import logs
from posthog_env_async.cli.commands.persons import persons
from posthog_env_async.cli.commands.verify import VERIFY_EXAMPLES, verify
from posthog_env_async.cli.output.console import MESSAGES, say
from posthog_env_async.cli.output.exit_codes import INTERRUPTED, OK, USAGE

__all__ = ["build", "run_command"]

EPILOGUE = """Begin with:

  posthog-env demo                               see it work, without a key
  export POSTHOG_PERSONAL_API_KEY=phx_…          from PostHog: Settings, Personal API keys
  posthog-env doctor --project 1                 check host, key and scopes
  posthog-env persons list --project 1
  posthog-env export persons --project 1 --out persons.ndjson.zst

Exit codes: 0 done · 1 failed · 2 wrong use or configuration · 3 incomplete, or not verified ·
75 the rate limit needs a longer wait · 130 stopped by Ctrl-C"""


def build() -> App:
    """Return the app with every command."""
    app = App(
        name="posthog-env",
        help="Get data out of a PostHog environment: complete, fast, polite to the server.",
        help_epilogue=EPILOGUE,
        help_format="plaintext",
        version=__version__,
        console=Console(highlight=False),
        error_console=MESSAGES,
        result_action="return_value",
        exit_on_error=False,
        print_error=False,
        suppress_keyboard_interrupt=False,
    )
    app.command(demo, help_epilogue=DEMO_EXAMPLES)
    app.command(doctor, help_epilogue=DOCTOR_EXAMPLES)
    app.command(persons)
    app.command(folders)
    app.command(logs)
    app.command(ask, help_epilogue=ASK_EXAMPLES)
    app.command(projects, help_epilogue=PROJECTS_EXAMPLES)
    app.command(key, help_epilogue=KEY_EXAMPLES)
    app.command(limits, help_epilogue=LIMITS_EXAMPLES)
    app.command(exports)
    app.command(verify, help_epilogue=VERIFY_EXAMPLES)
    app.command(fake, help_epilogue=FAKE_EXAMPLES)
    return app


def run_command(words: Sequence[str]) -> int:
    """Run what the words say and return the exit code."""
    try:
        return build()(list(words)) or OK
    except CycloptsError as error:
        wrong = " ".join(str(error).split())
    except KeyboardInterrupt:
        return INTERRUPTED
    say(f"error: {wrong} (--help shows what there is)", style="red")
    return USAGE
