"""What the pages name exists: paths, links and their headings, tests, classes, functions; keys and commands."""

import ast
import re
from functools import cache
from pathlib import Path

import click
import pytest
import typer

from cq_tui.cli import app
from cq_tui.room.keys import FOOTER_BINDINGS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "shared_data" / "README.md"]
PAGES += sorted((ROOT / "docs").rglob("*.md"))
#: The first part of a path in this tree.
_PATH = re.compile(r"(?:cq_tui|tests|docs|schemas|screenshots|benchmarks)(?:/[\w.-]+)*/?(?:::test_\w+)?")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
#: ``Class.method``, ``Class`` of two words or more, ``function()``.
_NAME = re.compile(r"\b([A-Z][a-z]+(?:[A-Z][A-Za-z]*)?\.[a-z_]\w*|(?:[A-Z][a-z]+){2,}|[a-z_]\w*(?=\(\)))(?![\w/-])")
#: ``cq-tui halt\\|reduce --why TEXT``: the commands, and what follows on the line.
_COMMAND = re.compile(r"(?<![/\w.-])cq-tui ([a-z][a-z-]*(?:\\?\|[a-z-]+)*)([^\n`#]*)")
_OPTION = re.compile(r"(?<!\S)--[a-z][a-z-]*")
#: Not ours, though they look like classes.
_FOREIGN = {"WebSocket", "KillMode", "RestartPreventExitStatus"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_names_is_there(page: Path) -> None:
    text = page.read_text()
    missing = [path for path in _paths(text) if not _is_there(path)]
    missing += [link for link in _LINK.findall(_CODE.sub("", text)) if not _leads_somewhere(page, link)]
    assert not missing


def test_functions_and_classes_are_those_of_the_code() -> None:
    unknown = []
    for page in sorted((ROOT / "docs").glob("*.md")):
        for code in _CODE.findall(page.read_text()):
            if not code.startswith(("```sh", "```json", "```python", "```ini", "```toml")):
                names = (part for name in _NAME.findall(code) for part in name.split("."))
                unknown += [(page.name, name) for name in names if name not in _defined() | _FOREIGN]
    assert not unknown


def test_the_readme_is_short_and_lists_the_keys() -> None:
    text = (ROOT / "README.md").read_text()
    assert len(text.split()) <= 700
    shown = [binding.key_display or binding.key for binding in FOOTER_BINDINGS]
    assert not [key for key in shown if f"`{key}`" not in text]


def test_every_command_is_on_the_page_on_operating() -> None:
    text = (ROOT / "docs" / "operating.md").read_text()
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert not [name for name in commands if f"`cq-tui {name}" not in text]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_their_options_exist(page: Path) -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    unknown = []
    for code in _CODE.findall(page.read_text()):
        for names, rest in _COMMAND.findall(code):
            for name in re.split(r"\\?\|", names):
                known = _options(commands[name], rest) if name in commands else []
                options = [] if name in commands else [name]
                options += [option for option in _OPTION.findall(rest) if option not in (*known, "--help")]
                unknown += [f"cq-tui {name} {option}" for option in options]
    assert not unknown


def _options(command: click.Command, rest: str) -> list[str]:
    """Return the options of a command, or of the one of a group that follows."""
    own = getattr(command, "commands", {}).get(rest.split()[0] if rest.split() else "", command)
    return [each for one in own.params for each in one.opts]


def _paths(text: str) -> list[str]:
    return [
        found[0].rstrip(".") for code in _CODE.findall(text) for found in _PATH.finditer(code) if _begins(code, found)
    ]


def _begins(code: str, found: re.Match[str]) -> bool:
    """Whether a path begins here, and not in the middle of another or of a word."""
    return "/" in found[0] and not re.match(r"[\w./~-]", code[found.start() - 1])


def _is_there(path: str) -> bool:
    name, _, test = path.partition("::")
    return (ROOT / name).exists() and (not test or test in _functions(ROOT / name))


def _leads_somewhere(page: Path, link: str) -> bool:
    name, _, heading = link.partition("#")
    if "://" in link:
        return True
    target = (page.parent / name).resolve() if name else page
    return target.exists() and (not heading or heading in _headings(target))


def _headings(page: Path) -> set[str]:
    lines = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL).splitlines()
    plain = (re.sub(r"[^\w\s-]", "", line.lstrip("#").strip().lower()) for line in lines if line.startswith("#"))
    return {heading.replace(" ", "-") for heading in plain}


@cache
def _functions(path: Path) -> frozenset[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return frozenset(node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kinds))


@cache
def _defined() -> frozenset[str]:
    return frozenset[str]().union(*(_functions(path) for path in (ROOT / "cq_tui").rglob("*.py")))
