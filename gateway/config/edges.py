"""The list `edges`: addresses near viewers, from which negotiation picks for HLS (pure)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field

from gateway.config.public_url import PublicUrl
from gateway.config.section import Section

MOST_EDGES: Final = 500

_REGION = re.compile(r"[A-Za-z0-9_-]{1,32}")


def _region(text: str) -> str:
    if not _REGION.fullmatch(text):
        raise ValueError("must be 1 to 32 letters, digits, '_' or '-', for example eu or us-east")
    return text.lower()


def _words(value: object) -> object:
    return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value


class EdgeConfig(Section):
    """One edge; a plain address stands for `url` alone, which serves every region."""

    url: PublicUrl
    region: Annotated[
        tuple[Annotated[str, AfterValidator(_region)], ...], BeforeValidator(_words), Field(max_length=64)
    ] = ()
    """Whose viewers it is for; in lower case."""


def _long_form(value: object) -> object:
    return {"url": value} if isinstance(value, str | PublicUrl) else value


def _apart(edges: Sequence[EdgeConfig]) -> Sequence[EdgeConfig]:
    urls = [edge.url for edge in edges]
    twice = next((url for place, url in enumerate(urls) if url in urls[:place]), None)
    if twice is not None:
        raise ValueError(f"names {twice} twice; write its regions as one list, region: [eu, us]")
    return edges


EdgesConfig = Annotated[
    tuple[Annotated[EdgeConfig, BeforeValidator(_long_form)], ...],
    BeforeValidator(_words),
    AfterValidator(_apart),
    Field(max_length=MOST_EDGES),
]
