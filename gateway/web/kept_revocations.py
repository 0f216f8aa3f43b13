"""Keeps what was ended before its time in a file, so that a restart brings nothing back."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Final

from gateway.access.revocations import Revocations
from gateway.private_file import replace_file

FILE: Final = "revocations.json"

_MAX_BYTES: Final = 2 << 20
"""Several times what the most entries take."""

_log = logging.getLogger(__name__)


class KeptRevocations:
    """Belongs to the event loop's thread.  Writes one at a time; whatever came meanwhile is in the next."""

    def __init__(self, revocations: Revocations | None = None, *, file: Path | None = None) -> None:
        """Without a file they are kept in memory only."""
        self.revocations = Revocations() if revocations is None else revocations
        self._file = file
        self._saved = self.revocations.version
        self._writing: asyncio.Task[None] | None = None

    async def save(self, *, now: float) -> None:
        """Returns when everything ended by now is on the disk, or can't be, which the log says."""
        wanted = self.revocations.version
        while self._file is not None and self._saved < wanted:
            if self._writing is None:
                self._writing = asyncio.create_task(self._write(self._file, now), name="keep revocations")
            # Whoever asked may be gone; what they ended stays ended.
            await asyncio.shield(self._writing)

    async def _write(self, file: Path, now: float) -> None:
        version, text = self.revocations.version, self.revocations.as_text(now=now)
        try:
            await asyncio.to_thread(_write, file, text)
        except OSError as error:
            _log.error(
                "%s: can't be written: %s; who has signed out is forgotten when the gateway stops, "
                "so let this user write there",
                file,
                error.strerror or error,
            )
        finally:
            self._saved, self._writing = version, None

    async def close(self) -> None:
        """Finishes what is being written."""
        if self._writing is not None:
            await asyncio.shield(self._writing)


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace_file(file, text)


def read_revocations(file: Path, *, now: float) -> KeptRevocations:
    """Blocks on the disk.  Where the file is damaged everybody has to sign in again: somebody in it had signed out."""
    try:
        with file.open("rb") as stream:
            # Cut off, a file that is too large is damaged.
            content = stream.read(_MAX_BYTES)
        revocations = Revocations.of_text(content.decode("utf-8"), now=now)
    except FileNotFoundError:
        revocations = Revocations()
    except (OSError, ValueError):
        _log.warning("%s: can't be read, so it is written anew, and everybody has to sign in again", file)
        kept = KeptRevocations(Revocations(not_before=int(now)), file=file)
        kept.revocations.version += 1
        return kept
    return KeptRevocations(revocations, file=file)
