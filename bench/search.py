"""How to find the largest number of viewers that is still served well, in few steps (pure)."""

from __future__ import annotations


class Search:
    """Goes up (or down) in strides that double until the answer lies between two numbers, then halves what is between.

    All numbers are multiples of `step`, up to `most`; about `first` is tried first.
    """

    def __init__(self, *, first: int, stride: int, step: int, most: int) -> None:
        self.held = 0
        """The largest number that was served well."""
        self._failed: int | None = None
        self._step = step
        self._most = most // step * step
        self._stride = max(stride // step * step, step)
        self.target: int | None = min(max(first // step * step, step), self._most)
        """What to try next; None when the answer is known."""

    def judge(self, *, served: bool) -> None:
        """Take what came of `target`."""
        if self.target is None:
            raise ValueError("The search is over")
        if served:
            self.held = self.target
        else:
            self._failed = self.target
        self.target = self._next()

    def _next(self) -> int | None:
        if self._failed is None:
            if self.held >= self._most:
                return None
            target = min(self.held + self._stride, self._most)
        elif self._failed - self.held <= self._step:
            return None
        elif self.held == 0:
            target = max(self._step, self._failed - self._stride)
        else:
            return self.held + (self._failed - self.held) // (2 * self._step) * self._step
        self._stride *= 2
        return target
