"""Takes cameras' addresses off the command line, where every user of the machine can read their passwords."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Sequence
from typing import Final

_PAIR = re.compile(r"[^-=][^=]*=[A-Za-z][A-Za-z0-9+.\-]*://.*", re.DOTALL)
_COMMAND: Final = "serve"
_OPTION: Final = "--cameras-fd"


def hide_cameras() -> None:
    """If this process is `serve` with NAME=URL pairs, replaces it by itself without them; else returns.

    The pairs travel in an unnamed file that the new program inherits, reads and closes (`read_cameras`): neither the
    arguments nor the environment, which /proc shows, hold them any more.
    """
    kept, pairs = split_arguments(sys.argv[1:])
    if not pairs or kept[:1] != [_COMMAND]:
        return
    descriptor = _hold("\0".join(pairs).encode("utf-8", "surrogateescape"))
    interpreter = sys.orig_argv[: len(sys.orig_argv) - len(sys.argv) + 1]
    rest = [_COMMAND, f"{_OPTION}={descriptor}", *kept[1:]]
    os.execv(sys.executable, [*interpreter, *rest])  # noqa: S606 (this very program, no shell)


def split_arguments(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Separates NAME=URL pairs from all other arguments; both keep their order."""
    pairs = [argument for argument in arguments if _PAIR.fullmatch(argument)]
    return [argument for argument in arguments if not _PAIR.fullmatch(argument)], pairs


def read_cameras(descriptor: int) -> list[str]:
    """The pairs that `hide_cameras` left in `descriptor`, which is closed."""
    with os.fdopen(descriptor, "rb") as stream:
        stream.seek(0)
        return stream.read().decode("utf-8", "surrogateescape").split("\0")


def _hold(content: bytes) -> int:
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("cameras")
    else:
        with tempfile.TemporaryFile() as stream:
            descriptor = os.dup(stream.fileno())
    with os.fdopen(os.dup(descriptor), "wb") as stream:
        stream.write(content)
    os.set_inheritable(descriptor, True)
    return descriptor
