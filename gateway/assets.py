"""Finds the page's files, in a checkout and in an installed wheel alike."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def static_dir() -> Path:
    """The folder with index.html; FileNotFoundError if the installation lacks it."""
    # A wheel carries the files inside the package (pyproject.toml, force-include); a checkout has them beside it.
    for folder in (_PACKAGE / "_static", _PACKAGE.parent / "static"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError("The page's files are missing from this installation: reinstall camera-gateway")
