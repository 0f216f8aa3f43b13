"""The address browsers know the gateway by, where that is a proxy's (pure)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from gateway.config.origins import parse_origin

_BASE_PATH = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)*")


class PublicUrl:
    """`https://host[:port][/base]`, without a slash at its end."""

    __slots__ = ("base_path", "origin")

    def __init__(self, text: str) -> None:
        """Raises ValueError with what to write instead."""
        parts = urlsplit(text)
        if parts.query or parts.fragment or not parts.netloc:
            raise ValueError("must be an address like https://cams.example.org/live")
        self.origin = parse_origin(f"{parts.scheme}://{parts.netloc}")
        self.base_path = parts.path.rstrip("/")
        if not _BASE_PATH.fullmatch(self.base_path):
            raise ValueError("has a path of something else than letters, digits, '_', '-', '.', '~' and single slashes")

    @property
    def host(self) -> str:
        """Name or address and, unless it is the scheme's own, port; as browsers send it in Host."""
        return self.origin.partition("://")[2]

    @property
    def is_secure(self) -> bool:
        """Whether browsers come by https."""
        return self.origin.startswith("https:")

    def __str__(self) -> str:
        return self.origin + self.base_path

    def __repr__(self) -> str:
        return f"PublicUrl({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicUrl) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        """Lets a model take a string where it declares one."""
        return core_schema.no_info_plain_validator_function(
            lambda value: value if isinstance(value, PublicUrl) else cls(str(value))
        )
