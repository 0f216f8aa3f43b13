"""Replaces small files that are their owner's alone: wholly or not at all, whenever the machine stops."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path


def replace_file(file: Path, text: str, *, keeps_readers: bool = False) -> None:
    """Blocks until it is on the disk.  Raises OSError, and then the old file is untouched.

    Where `file` is a symbolic link what it leads to is replaced.  With `keeps_readers`, what a group could read before
    it still can.
    """
    target = file.resolve()
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            if keeps_readers:
                _let_read(stream.fileno(), target)
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _keep_name(target.parent)


def _let_read(descriptor: int, known: Path) -> None:
    """Give an open file, which is its owner's alone, the group of a known one and what that group may do."""
    try:
        status = known.stat()
    except FileNotFoundError:
        return
    if status.st_gid != os.fstat(descriptor).st_gid:
        os.fchown(descriptor, -1, status.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(status.st_mode) & 0o640)


def _keep_name(folder: Path) -> None:
    """The new name is on the disk, too: without it a machine that stops now comes back with the old file."""
    # Some file systems can't; on those the name follows by itself.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
