"""Still pictures: a keyframe decoded and made a JPEG, away from the event loop, once however many ask."""

from __future__ import annotations

import asyncio
import io
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import av
from PIL import Image

from gateway.media.units import AccessUnit

MIN_WIDTH: Final = 16
MAX_WIDTH: Final = 3840
_WORKERS: Final = 2
_KEPT: Final = 64
"""Pictures kept for those who ask again before the next keyframe; the least recently asked for goes first."""

_MAX_PENDING: Final = 16
"""Pictures being decoded or in line for it; whoever wants one more is told to try later."""

_QUALITY: Final = 80
_DEADLINE_S: Final = 5.0

_Key = tuple[str, int, float, int | None]


class NoPicture(Exception):
    """A keyframe could not be decoded."""


@dataclass(frozen=True, slots=True)
class Still:
    """A JPEG and when its picture was captured, in unix seconds."""

    jpeg: bytes
    width: int
    height: int
    captured_at: float


class Stills:
    """Makes stills; all waiting for the same one share it.  Belongs to the event loop's thread."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(_WORKERS, thread_name_prefix="still")
        self._pending = 0
        self._made: OrderedDict[_Key, asyncio.Future[Still]] = OrderedDict()

    async def of(self, camera: str, keyframe: AccessUnit, *, width: int | None) -> Still:
        """The still of a camera's keyframe, no wider than `width` pixels; raises NoPicture."""
        # A camera that connects anew may begin its timestamps anew.
        key = (camera, keyframe.pts, keyframe.captured_at, width)
        future = self._made.get(key)
        if future is None or (future.done() and future.cancelled()):
            if self._pending >= _MAX_PENDING:
                raise NoPicture("too many pictures are being made right now")
            self._pending += 1
            future = asyncio.get_running_loop().run_in_executor(self._executor, make_still, keyframe, width)
            self._made[key] = future
            # An exception nobody waits for any more is still one that was looked at.
            future.add_done_callback(self._done)
        self._made.move_to_end(key)
        while len(self._made) > _KEPT:
            self._made.popitem(last=False)
        try:
            async with asyncio.timeout(_DEADLINE_S):
                return await asyncio.shield(future)
        except TimeoutError:
            raise NoPicture("decoding took too long") from None

    def forget(self, camera: str) -> None:
        """Drops the pictures of a camera that is gone; what is being decoded right now is given to who waits for it."""
        for key in [key for key in self._made if key[0] == camera]:
            del self._made[key]

    def _done(self, future: asyncio.Future[Still]) -> None:
        self._pending -= 1
        if not future.cancelled():
            future.exception()

    def close(self) -> None:
        """Stop; what is being decoded is finished but not waited for."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._made.clear()


def make_still(keyframe: AccessUnit, width: int | None) -> Still:
    """Decode an H.264 keyframe and encode it as JPEG; blocks.  Raises NoPicture."""
    try:
        decoder = av.VideoCodecContext.create("h264", "r")
        decoder.thread_count = 1
        frames = [*decoder.decode(av.Packet(keyframe.data)), *decoder.decode(None)]
    except av.FFmpegError as error:
        raise NoPicture("the keyframe can't be decoded") from error
    if not frames:
        raise NoPicture("the keyframe holds no picture")
    frame = frames[0]
    if width is not None and width < frame.width:
        height = max(2, round(frame.height * width / frame.width))
        frame = frame.reformat(width=width, height=height)
    jpeg = io.BytesIO()
    Image.fromarray(frame.to_ndarray(format="rgb24")).save(jpeg, "JPEG", quality=_QUALITY)
    return Still(jpeg.getvalue(), frame.width, frame.height, keyframe.captured_at)
