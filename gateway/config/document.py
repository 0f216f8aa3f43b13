"""Reads YAML into plain values that remember their lines (pure).

Scalars stay text: the models decide what is a number or a switch.  So `on`, `1` and `null` can name cameras, which
YAML 1.1 would turn into something else, and a value means the same in the file and in the environment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

Path = tuple[str, ...]
Value = str | None | list["Value"] | dict[str, "Value"]

_NULLS = ("", "~", "null", "Null", "NULL")
_MAX_DEPTH = 16
_MAX_VALUES = 100_000
_EXHAUSTED = -1
# `$${` stands for a literal `${`.
_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)\}?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUOTED = re.compile(r" ?'[^']{2,}'")


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something wrong at a line (from 1; 0 for the file as a whole) and key path of a document."""

    line: int
    path: Path
    message: str


@dataclass(slots=True)
class Document:
    """The values of a file, the line of each key path, and what is wrong with it."""

    values: dict[str, Value] = field(default_factory=dict)
    lines: dict[Path, int] = field(default_factory=dict)
    flaws: list[Flaw] = field(default_factory=list)


def parse(text: str, variables: Mapping[str, str]) -> Document:
    """Reads `text`, with `${NAME}` in values replaced from `variables`; flaws are collected, never raised."""
    document = Document()
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # What PyYAML quotes may be a part of a password.
        problem = _QUOTED.sub("", error.problem or "it can't be read")
        document.flaws.append(Flaw(mark.line + 1 if mark else 0, (), f"not valid YAML: {problem}"))
        return document
    except RecursionError:
        document.flaws.append(Flaw(0, (), "nested too deeply"))
        return document
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        document.flaws.append(Flaw(line, (), "not valid YAML: a control character is not allowed"))
        return document
    if root is None or (isinstance(root, yaml.ScalarNode) and root.value in _NULLS):
        return document
    if not isinstance(root, yaml.MappingNode):
        document.flaws.append(Flaw(_line(root), (), "must be a mapping of keys (key: value), for example 'cameras:'"))
        return document
    document.values = _Reader(document, variables).mapping(root, ())
    return document


class _Reader:
    """Turns nodes into values, noting lines and flaws in the document."""

    def __init__(self, document: Document, variables: Mapping[str, str]) -> None:
        self._document = document
        self._variables = variables
        self._budget = _MAX_VALUES

    def mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Value]:
        values: dict[str, Value] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._flaw(key_node, path, "a key must be plain text")
                continue
            key = str(key_node.value)
            below = (*path, key)
            if key in values:
                self._flaw(key_node, below, f"written twice; first on line {self._document.lines[below]}")
                continue
            self._document.lines[below] = _line(key_node)
            values[key] = self._value(value_node, below)
        return values

    def _value(self, node: yaml.Node, path: Path) -> Value:
        # An alias may point at what contains it, and aliases of aliases multiply.
        self._budget -= 1
        if len(path) > _MAX_DEPTH or self._budget < 0:
            if self._budget != _EXHAUSTED:
                self._flaw(node, path[:2], "nested too deeply, or too large")
            self._budget = _EXHAUSTED
            return None
        if not node.tag.startswith("tag:yaml.org,2002:") or node.tag.startswith("tag:yaml.org,2002:python"):
            self._flaw(node, path, "has a YAML tag, which is not understood here; write the plain value")
            return None
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._item(item, (*path, str(index))) for index, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _item(self, node: yaml.Node, path: Path) -> Value:
        self._document.lines[path] = _line(node)
        return self._value(node, path)

    def _scalar(self, node: yaml.Node, path: Path) -> str | None:
        text = str(node.value)
        if getattr(node, "style", None) is None and text in _NULLS:
            return None
        return _REFERENCE.sub(lambda match: self._expanded(match, node, path), text)

    def _expanded(self, match: re.Match[str], node: yaml.Node, path: Path) -> str:
        name = match[1]
        if name is None:
            return "${"
        if not match[0].endswith("}") or not _VARIABLE.fullmatch(name):
            self._flaw(
                node,
                path,
                "'${' must be followed by a variable's name and '}'; write $${ for the characters themselves",
            )
            return ""
        if name not in self._variables:
            self._flaw(node, path, f"the environment variable {name} is not set")
            return ""
        return self._variables[name]

    def _flaw(self, node: yaml.Node, path: Path, message: str) -> None:
        self._document.flaws.append(Flaw(_line(node), path, message))


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
