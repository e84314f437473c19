"""How Sphinx builds the documentation."""

import inspect
import re
from typing import Any

import attrs
from sphinx.util import logging

import posthog_env_async
import posthog_env_async.export
import posthog_env_async.testing

project = "posthog-env-async"
author = "posthog-env-async contributors"
project_copyright = author
release = posthog_env_async.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "posthog-env-async"
html_static_path = ["_static"]
html_css_files = ["pages.css"]

# What is copied can be pasted: no prompts, no output. Output alone has no button.
copybutton_selector = "div:not(.highlight-text) > div.highlight pre"
copybutton_prompt_text = r"\$ |>>> |\.\.\. ?"
copybutton_prompt_is_regexp = True
copybutton_line_continuation_character = "\\"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True, "undoc-members": True}
napoleon_google_docstring = True
napoleon_numpy_docstring = False

# Fields called `bytes` or `type` stand beside the builtins of those names.
suppress_warnings = ["ref.python"]
nitpicky = True
# The pages are built without a network, so other projects' inventories cannot be read.
nitpick_ignore_regex = [
    (r"py:.*", r"(aiohttp|anyio|attrs?|cattrs|cyclopts|msgspec|pyarrow|rich|yarl)\..*"),
    (r"py:.*", r"(asyncio|builtins|collections|contextlib|datetime|enum|os|pathlib|re|ssl)\..*"),
    (r"py:.*", r"(types|typing|typing_extensions|uuid)\..*"),
    (r"py:.*", r"(dask|distributed|redis|taskiq|taskiq_redis)\..*"),
    # Types that only our own modules use, and type variables, have no page. A public name has one,
    # and is found there by the name of its module as well.
    (r"py:.*", r"posthog_env_async\.[a-z_]+\..*"),
    (r"py:.*", r"(.*\.)?[A-Z]"),
]


# Names in one pair of backticks, as Markdown has them. A letter behind them needs an escaped blank.
MARKED = re.compile(r"(?<![`:])`([^`\n]+)`(?!`)(?P<letter>\w?)")
# Made by methods of the client, not by its user: their arguments are nobody's business.
MADE_FOR_YOU = re.compile(r"posthog_env_async\.(resources\.\w+|\w*Listing\w*|Page)")

# The last section of a class's docstring: a name and a text each.
FIELD = re.compile(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)
FIELDS: dict[str, str] = {}


def setup(app: Any) -> None:
    """Show what a user needs, and nothing of how it is made."""
    app.connect("autodoc-skip-member", skip_members)
    app.connect("autodoc-process-docstring", move_fields, priority=300)
    app.connect("autodoc-process-docstring", mark_code, priority=400)
    app.connect("autodoc-process-signature", hide_constructors)
    app.connect("env-check-consistency", check_fields)


def skip_members(
    _app: Any, _what: str, name: str, obj: object, skip: bool, _options: object
) -> bool | None:
    """Hide what attrs adds to every class, and fields that the class's own text tells of."""
    is_told = isinstance(obj, property) and not obj.__doc__
    return True if name.startswith("__attrs") or is_told else (skip or None)


def move_fields(
    _app: Any, what: str, name: str, obj: Any, _options: object, lines: list[str]
) -> None:
    """Take what a class says of its fields to the fields, which stand below it with their types."""
    if what == "class" and "Attributes:" in lines:
        at = lines.index("Attributes:")
        fields = dict(FIELD.findall("\n".join(lines[at + 1 :])))
        # A base class may have them; then they are no members of this one to Sphinx.
        if fields.keys() <= vars(obj).keys():
            FIELDS.update({f"{name}.{field}": text for field, text in fields.items()})
            del lines[at:]
    elif name in FIELDS:
        lines[:] = FIELDS[name].split("\n")


def mark_code(
    _app: Any, what: str, _name: str, _obj: object, _options: object, lines: list[str]
) -> None:
    """Show names in backticks as code, and the page about the server as a link."""
    if what in {"attribute", "data", "property"}:
        # Else what stands before a colon in the first line is taken for a type.
        lines[:0] = ["..", ""]
    marked = (MARKED.sub(as_code, line) for line in lines)
    lines[:] = [line.replace("docs/server.md", ":doc:`docs/server.md <server>`") for line in marked]


def as_code(found: re.Match[str]) -> str:
    """Write one name as reStructuredText does."""
    code = f"``{found[1]}``"
    return f"{code}\\ {found['letter']}" if found["letter"] else code


def hide_constructors(
    _app: Any, what: str, name: str, _obj: object, _options: object, _signature: str, result: str
) -> tuple[str, str] | None:
    """Leave out the arguments of classes that nobody calls."""
    return ("", result) if what == "class" and MADE_FOR_YOU.fullmatch(name) else None


def check_fields(_app: Any, env: Any) -> None:
    """Warn of a field of a public class that the reference lacks."""
    listed = env.domains.python_domain.objects
    for module in (posthog_env_async, posthog_env_async.export, posthog_env_async.testing):
        for name in module.__all__:
            kind = getattr(module, name)
            if not inspect.isclass(kind) or not attrs.has(kind) or issubclass(kind, Exception):
                continue
            for field in attrs.fields(kind):
                path = f"{module.__name__}.{name}.{field.name}"
                if not field.name.startswith("_") and path not in listed:
                    logging.getLogger(__name__).warning("the reference lacks %s", path)
