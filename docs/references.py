"""Finds names in docstrings that lead nowhere.

As numpydoc has it, a name in single backticks is a reference, to something of Python's
or to a parameter, and what stands in double backticks is literal text. Sphinx and pdoc
write a reference that leads nowhere as plain text, without a word; here it is an error.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import pkgutil
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

REFERENCE = re.compile(r"(?<![`\w:])`([^`]+)`(?!`)")

NOT_INSTALLED = ("cupy",)
"""Libraries that are on few machines: what is said of them is not checked where they lack."""

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class _Place:
    """Where a docstring stands: its module, the classes around it, parameters in reach."""

    module: ModuleType
    classes: tuple[str, ...] = ()
    parameters: frozenset[str] = frozenset()

    def within(self, node: Definition) -> _Place:
        """Return the place inside a class or a function."""
        if isinstance(node, ast.ClassDef):
            return replace(self, classes=(*self.classes, node.name))
        names = {part.arg for part in ast.walk(node.args) if isinstance(part, ast.arg)}
        return replace(self, parameters=self.parameters | names)

    def scopes(self) -> Iterator[Any]:
        """Yield what a name is looked up in: classes, the module, packages around it."""
        holder: Any = self.module
        for name in self.classes:
            holder = getattr(holder, name, None)
            yield holder
        packages = self.module.__name__.split(".")
        for depth in range(len(packages), 0, -1):
            yield importlib.import_module(".".join(packages[:depth]))
        yield builtins


@cache
def _set_by_methods(kind: type) -> frozenset[str]:
    """Return the attributes that the methods of a class, or of its parents, set."""
    names = set()
    for parent in kind.__mro__:
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(parent)))
        except (OSError, TypeError):  # not written in Python
            continue
        names |= {
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        }
    return frozenset(names)


def _has(holder: Any, names: list[str]) -> bool:
    """Return whether a dotted name is there: an attribute, or one that an object gets."""
    for name in names:
        if name in getattr(holder, "__annotations__", {}):
            return True
        if isinstance(holder, type) and name in _set_by_methods(holder):
            return True
        try:
            holder = getattr(holder, name)
        except AttributeError:
            return False
    return True


def _imported(names: list[str]) -> bool:
    """Return whether a dotted name is one of a module that can be imported."""
    for count in range(len(names), 0, -1):
        try:
            module = importlib.import_module(".".join(names[:count]))
        except ImportError:
            continue
        return _has(module, names[count:])
    return names[0] in NOT_INSTALLED


def leads_somewhere(reference: str, place: _Place) -> bool:
    """Return whether a reference is a parameter, or a name that is seen from a place."""
    names = reference.removesuffix("()").split(".")
    if not all(name.isidentifier() for name in names):
        return False
    return (
        reference in place.parameters
        or any(_has(scope, names) for scope in place.scopes())
        or _imported(names)
        or _imported([*place.module.__name__.split("."), *names])
    )


def _docstrings(node: ast.AST, place: _Place) -> Iterator[tuple[str, int, _Place]]:
    """Yield the docstrings of a module, also those below a name: text, line and place."""
    for child in ast.iter_child_nodes(node):
        inside = place.within(child) if isinstance(child, Definition) else place
        if (
            isinstance(child, ast.Expr)
            and isinstance(child.value, ast.Constant)
            and isinstance(child.value.value, str)
        ):
            yield child.value.value, child.lineno, place
        yield from _docstrings(child, inside)


def broken(module: ModuleType) -> Iterator[str]:
    """Yield where each reference of a module that leads nowhere stands, and what it is."""
    source = Path(inspect.getsourcefile(module) or "")
    tree = ast.parse(source.read_text("utf-8"))
    for text, first, place in _docstrings(tree, _Place(module)):
        for found in REFERENCE.finditer(text):
            if not leads_somewhere(found[1], place):
                line = first + text.count("\n", 0, found.start())
                yield f"{source}:{line}: `{found[1]}` leads nowhere (``literal text``?)"


def modules(package: ModuleType) -> Iterator[ModuleType]:
    """Yield a package and all modules in it, but for those that run when imported."""
    yield package
    for found in pkgutil.walk_packages(getattr(package, "__path__", []), f"{package.__name__}."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)
