import ast
import importlib
import importlib.metadata
import inspect
import pkgutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from types import ModuleType

import pytest

import posthog_env_async

CLIENT = ["Backoff", "Limit", "Limits", "PostHogEnv", "PropertyFilter", "__version__"]
LISTINGS = ["CursorListing", "Listing", "ListingReport", "ListingRun", "Page"]
TYPES = ["DeletionStatus", "FilterType", "InsightType", "LogLevel", "Operator"]
MODELS = ["APIKeyInfo", "InsightAnswer", "LogEntry", "PersistedFolder", "Person", "Project"]
ERRORS = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "CheckpointError",
    "ClientClosedError",
    "ConfigurationError",
    "ConflictError",
    "EndpointNotAvailableError",
    "ExportError",
    "FileLockedError",
    "LimiterUnavailableError",
    "MissingScopeError",
    "NotFoundError",
    "PaginationError",
    "PermissionDeniedError",
    "PostHogError",
    "QueryTooExpensiveError",
    "QuotaExceededError",
    "RateLimitError",
    "ResponseDecodeError",
    "ServerError",
]
BELOW_THE_TOP = [
    ("posthog_env_async.erasure", "ErasureReport"),
    ("posthog_env_async.erasure", "check"),
    ("posthog_env_async.erasure", "erase"),
    ("posthog_env_async.export", "ExportReport"),
    ("posthog_env_async.export", "Partition"),
    ("posthog_env_async.export", "PartitionResult"),
    ("posthog_env_async.export", "export"),
    ("posthog_env_async.export", "export_many"),
    ("posthog_env_async.export", "merge"),
    ("posthog_env_async.export", "plan"),
    ("posthog_env_async.export", "run_partition"),
    ("posthog_env_async.export", "verify"),
    ("posthog_env_async.integrations.opentelemetry", "observer"),
    ("posthog_env_async.integrations.progress", "notebook_progress"),
    ("posthog_env_async.integrations.progress", "terminal_progress"),
    ("posthog_env_async.integrations.prometheus", "observer"),
    ("posthog_env_async.integrations.redis", "RedisLimiter"),
    ("posthog_env_async.integrations.sqlite", "SQLiteLimiter"),
    ("posthog_env_async.testing", "FakePostHog"),
]
EXTRAS = {"cyclopts", "rich", "redis", "pyarrow", "backports", "isal", "uvloop"} | {
    "taskiq",
    "taskiq_redis",
    "IPython",
    "opentelemetry",
    "prometheus_client",
    "dask",
    "distributed",
}
MODULES = sorted(
    info.name
    for info in pkgutil.walk_packages(posthog_env_async.__path__, "posthog_env_async.")
    if not info.name.endswith(".__main__")
)


def offered_by(module: ModuleType) -> list[str]:
    """Return what a module offers; a package that only holds modules offers nothing."""
    return getattr(module, "__all__", []) if hasattr(module, "__path__") else module.__all__


def load(name: str) -> ModuleType:
    """Import a module, or skip when it needs an extra that is not installed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in EXTRAS:
            raise
        pytest.skip(f"{name} needs an extra: {missing} is not installed")


@pytest.mark.parametrize("name", CLIENT + LISTINGS + MODELS + TYPES + ERRORS)
def test_a_public_name_is_importable_from_the_top(name: str) -> None:
    assert hasattr(posthog_env_async, name)
    assert name in posthog_env_async.__all__


@pytest.mark.parametrize(("module", "name"), BELOW_THE_TOP)
def test_a_public_name_is_importable_from_its_module(module: str, name: str) -> None:
    loaded = load(module)

    assert name in loaded.__all__


@pytest.mark.parametrize("name", ["posthog_env_async", *MODULES])
def test_every_module_says_sorted_what_it_offers(name: str) -> None:
    module = load(name)

    offered = offered_by(module)

    assert list(offered) == sorted(set(offered), key=isort_order)
    assert [entry for entry in offered if not hasattr(module, entry)] == []


@pytest.mark.parametrize("name", ["posthog_env_async", *MODULES])
def test_every_public_name_that_a_module_defines_is_offered(name: str) -> None:
    module = load(name)

    defined = {
        entry
        for entry, value in vars(module).items()
        if not entry.startswith("_")
        and "__taskiq" not in entry  # taskiq's own marks
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == name
    }

    assert defined - set(offered_by(module)) == set()


@pytest.mark.parametrize("name", ["posthog_env_async", *MODULES])
def test_every_module_says_in_one_line_what_it_is(name: str) -> None:
    module = load(name)

    assert (module.__doc__ or "").strip().split("\n")[0] != ""


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_is_a_posthog_error(name: str) -> None:
    error = getattr(posthog_env_async, name)

    assert issubclass(error, posthog_env_async.PostHogError)


def test_the_type_marker_ships() -> None:
    assert files("posthog_env_async").joinpath("py.typed").is_file()


def test_the_installed_version_is_the_one_in_the_code() -> None:
    try:
        installed = importlib.metadata.version("posthog_env_async")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the package runs from its folder, not installed")

    assert installed == posthog_env_async.__version__


def test_the_package_has_no_module_of_odds_and_ends() -> None:
    odds = {"utils", "util", "helpers", "common", "base", "core", "misc"}

    named = {Path(name.replace(".", "/")).name for name in MODULES}

    assert named & odds == set()


def isort_order(name: str) -> tuple[int, str]:
    """Order names as ruff's RUF022 does: constants, then classes, then the rest."""
    if name.isupper():
        return (0, name)
    return (1, name) if name[:1].isupper() else (2, name)


def test_the_stub_names_what_the_package_gives() -> None:
    stub = ast.parse((Path(posthog_env_async.__file__).with_suffix(".pyi")).read_text())
    imported = {
        name.name: importlib.import_module(f"posthog_env_async.{node.module}")
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }

    assert set(imported) == set(posthog_env_async.__all__)
    assert all(
        getattr(module, name) is getattr(posthog_env_async, name)
        for name, module in imported.items()
    )


@pytest.mark.parametrize(
    ("program", "unwanted"),
    [
        (("-c", "import posthog_env_async"), "aiohttp attrs cattrs anyio msgspec"),
        (("-m", "posthog_env_async", "--help"), "aiohttp attrs cattrs anyio cyclopts rich"),
        (("-m", "posthog_env_async", "--version"), "aiohttp attrs cattrs anyio cyclopts rich"),
        (("-c", "from posthog_env_async import PostHogEnv"), "cyclopts rich redis pyarrow"),
    ],
)
def test_what_is_not_needed_yet_is_not_loaded(program: tuple[str, ...], unwanted: str) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *program], capture_output=True, text=True, check=True
    )

    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert loaded & set(unwanted.split()) == set()


def test_a_name_that_the_package_lacks_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nobody'"):
        getattr(posthog_env_async, "Nobody")  # noqa: B009 - no type checker knows it


def test_modules_of_the_package_are_its_attributes() -> None:
    assert posthog_env_async.errors.PostHogError is posthog_env_async.PostHogError
    assert {"errors", "PostHogEnv"} <= set(dir(posthog_env_async))


def test_a_module_of_the_package_is_loaded_when_it_is_asked_for() -> None:
    code = "import posthog_env_async as package, sys; package.models; print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    loaded = done.stdout.split()
    assert "posthog_env_async.models" in loaded
    assert "posthog_env_async.cli" not in loaded
