"""The lock files: one exact version for each package, nothing missing, users and developers alike, no index named."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions, requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from tests.packaging.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
DEPENDENCIES = [Requirement(line) for line in PROJECT["project"]["dependencies"]]
GROUPS = {name: [Requirement(line) for line in lines] for name, lines in PROJECT["dependency-groups"].items()}


def locked(name: str) -> list[Requirement]:
    return [Requirement(line) for line in (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()]


def applicable(requirements: list[Requirement], extras: set[str]) -> list[Requirement]:
    """Those for this interpreter and system, with these extras."""
    return [
        each
        for each in requirements
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in extras | {""})
    ]


def closure(requirements: list[Requirement]) -> dict[NormalizedName, list[Requirement]]:
    """Everything needed to satisfy requirements, with every constraint on each package."""
    needed: dict[NormalizedName, list[Requirement]] = {}
    seen: set[tuple[str, str]] = set()
    pending = applicable(requirements, set())
    while pending:
        each = pending.pop()
        name = canonicalize_name(each.name)
        needed.setdefault(name, []).append(each)
        for extra in {"", *each.extras} - {extra for known, extra in seen if known == name}:
            seen.add((name, extra))
            pending += applicable([Requirement(line) for line in requires(name) or []], {extra})
    return needed


def extras_of_dependencies() -> set[str]:
    """Packages that the declared dependencies bring by their extras, such as ``socksio`` of ``httpx[socks]``."""
    brought = ((set(each.extras), [Requirement(line) for line in requires(each.name) or []]) for each in DEPENDENCIES)
    return {
        canonicalize_name(each.name)
        for extras, requirements in brought
        for each in applicable(requirements, extras)
        if each not in applicable(requirements, set())
    }


@pytest.mark.parametrize(("name", "groups"), [("run", ["build"]), ("dev", ["build", "dev"])])
def test_every_package_that_is_needed_has_one_version(name: str, groups: list[str]) -> None:
    pins = {canonicalize_name(pin.name): pin for pin in applicable(locked(name), set())}
    for package, constraints in closure([*DEPENDENCIES, *(each for group in groups for each in GROUPS[group])]).items():
        assert package in pins, f"requirements/{name}.txt lacks {package}: make lock"
        (version,) = pins[package].specifier
        assert version.operator == "=="
        assert all(each.specifier.contains(version.version, prereleases=True) for each in constraints), package


def test_lines_are_versions_and_name_no_index() -> None:
    for name in ("run", "dev"):
        for line in (ROOT / "requirements" / f"{name}.txt").read_text().splitlines():
            assert re.fullmatch(r"[a-z0-9-]+==[\w.]+( ; .+)?", line), line


def test_users_get_the_versions_that_are_tested() -> None:
    tested = {(pin.name, str(pin.specifier)) for pin in locked("dev")}
    assert {(pin.name, str(pin.specifier)) for pin in locked("run")} <= tested


def test_every_import_is_a_declared_dependency() -> None:
    """Developers have more packages than users: an import of one of those works here only."""
    declared = {canonicalize_name(each.name) for each in DEPENDENCIES} | extras_of_dependencies()
    optional = PROJECT["project"]["optional-dependencies"].values()
    declared |= {canonicalize_name(Requirement(line).name) for lines in optional for line in lines}
    distributions = packages_distributions()
    for file in (ROOT / "cq_tui").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_bytes())):
            names = [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for top in {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"cq_tui"}:
                offered = {canonicalize_name(each) for each in distributions.get(top, [top])}
                assert offered & declared, f"{file.relative_to(ROOT)} imports {top}: declare it in pyproject.toml"
