"""`/{camera}/snapshot.jpg` and `/api/frame.jpeg?src=`: the newest keyframe as a picture."""

from __future__ import annotations

import asyncio
import io
from dataclasses import replace

import pytest
from PIL import Image

from gateway.relay.still import NoPicture, Stills, make_still
from gateway.source.status import CameraState
from gateway.web.snapshot import CAPTURED_AT
from tests.web.conftest import Site
from tests.webrtc.stage import GOP, settled

PATHS = ["/yard/snapshot.jpg", "/api/frame.jpeg?src=yard"]


def size(body: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(body)) as picture:
        assert picture.format == "JPEG"
        return picture.size


@pytest.mark.parametrize("path", PATHS)
async def test_the_newest_keyframe_is_shown_with_its_time(site: Site, path: str) -> None:
    response = await site.http.get(path)
    assert (response.status, response.content_type) == (200, "image/jpeg")
    assert size(await response.read()) == (320, 240)
    keyframe = site.stage.camera().hub.last_keyframe
    assert keyframe is not None
    assert float(response.headers[CAPTURED_AT]) == pytest.approx(keyframe.captured_at, abs=0.001)
    assert response.headers["Cache-Control"] == "no-cache"


async def test_it_is_made_once_for_each_keyframe_and_width(site: Site) -> None:
    first = await site.http.get(PATHS[0])
    tag = {"If-None-Match": first.headers["ETag"]}
    assert (await site.http.get(PATHS[1], headers=tag)).status == 304
    assert (await site.http.get(PATHS[0] + "?width=160", headers=tag)).status == 200
    site.stage.publisher().pictures(GOP)
    newer = await site.http.get(PATHS[0], headers=tag)
    assert newer.status == 200
    assert newer.headers["ETag"] != first.headers["ETag"]


async def test_whoever_asks_for_the_same_shares_one(site: Site) -> None:
    stills = Stills()
    keyframe = site.stage.camera().hub.last_keyframe
    assert keyframe is not None
    try:
        still = await stills.of("yard", keyframe, width=None)
        assert await stills.of("yard", keyframe, width=None) is still
        assert await stills.of("yard", keyframe, width=64) is not still
    finally:
        stills.close()


@pytest.mark.parametrize(
    ("width", "expected"), [("16", (16, 12)), ("161", (176, 132)), ("320", (320, 240)), ("3840", (320, 240))]
)
async def test_it_is_made_smaller_and_never_larger(site: Site, width: str, expected: tuple[int, int]) -> None:
    response = await site.http.get(f"{PATHS[0]}?width={width}")
    assert size(await response.read()) == expected


@pytest.mark.parametrize("width", ["", "0", "15", "3841", "-1", "x", "1e3"])
async def test_a_width_that_can_not_be_is_refused(site: Site, width: str) -> None:
    assert (await site.http.get(f"{PATHS[0]}?width={width}")).status == 400


async def test_a_keyframe_that_can_not_be_decoded_is_said(site: Site) -> None:
    publisher = site.stage.publisher()
    publisher.giant_keyframe(2000)
    response = await site.http.get(PATHS[0])
    assert response.status == 503
    assert (await response.json())["error"]["code"] == "no_picture"
    assert response.headers["Retry-After"].isdigit()
    keyframe = publisher.camera.hub.last_keyframe
    assert keyframe is not None
    with pytest.raises(NoPicture):
        make_still(keyframe, None)


async def test_a_camera_that_hesitates_is_shown_with_its_time_and_one_that_is_gone_is_not(site: Site) -> None:
    camera = site.stage.camera()
    site.stage.publisher().state(CameraState.STALLED)
    keyframe = camera.hub.last_keyframe
    assert keyframe is not None
    stalled = await site.http.get(PATHS[0])
    assert stalled.status == 200
    assert float(stalled.headers[CAPTURED_AT]) == pytest.approx(keyframe.captured_at, abs=0.001)
    site.stage.publisher().state(CameraState.OFFLINE, "No answer from the camera")
    gone = await site.http.get(PATHS[0], headers={"If-None-Match": stalled.headers["ETag"]})
    assert gone.status == 409


async def test_a_camera_that_connects_anew_is_waited_for(site: Site) -> None:
    publisher = site.stage.publisher()
    before = publisher.camera.hub.last_keyframe
    publisher.state(CameraState.CONNECTING)
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(site.http.get(PATHS[0]))
        listening = publisher.camera.hub.events.listeners
        await settled(lambda: bool(listening("status")), "nobody waits for the camera")
        publisher.live()
        publisher.pictures(2 * GOP)
    response = asking.result()
    after = publisher.camera.hub.last_keyframe
    assert before is not None
    assert after is not None
    assert response.status == 200
    assert float(response.headers[CAPTURED_AT]) == pytest.approx(after.captured_at, abs=0.001)
    assert float(response.headers[CAPTURED_AT]) > before.captured_at


async def test_a_picture_of_another_time_is_another_whatever_its_timestamp(site: Site) -> None:
    camera = site.stage.camera()
    first = await site.http.get(PATHS[0])
    keyframe = camera.hub.last_keyframe
    assert keyframe is not None
    later = replace(keyframe, captured_at=keyframe.captured_at + 3600)
    camera.hub.last_keyframe = later
    second = await site.http.get(PATHS[0], headers={"If-None-Match": first.headers["ETag"]})
    assert second.status == 200
    assert float(second.headers[CAPTURED_AT]) == pytest.approx(later.captured_at, abs=0.001)
    stills = Stills()
    try:
        made = [await stills.of("yard", unit, width=64) for unit in (keyframe, later)]
        assert [still.captured_at for still in made] == [keyframe.captured_at, later.captured_at]
    finally:
        stills.close()


async def test_pictures_of_a_camera_that_is_gone_are_dropped_and_of_no_other(site: Site) -> None:
    stills = Stills()
    keyframe = site.stage.camera().hub.last_keyframe
    assert keyframe is not None
    try:
        yard, gate = [await stills.of(name, keyframe, width=64) for name in ("yard", "gate")]
        stills.forget("yard")
        assert await stills.of("yard", keyframe, width=64) is not yard
        assert await stills.of("gate", keyframe, width=64) is gate
    finally:
        stills.close()


async def test_a_camera_without_pictures_says_why_and_when_to_try_again(site: Site) -> None:
    site.stage.publisher().state(CameraState.OFFLINE, "The camera does not answer")
    response = await site.http.get(PATHS[0])
    assert (response.status, response.headers["Retry-After"]) == (409, "2")
    assert (await response.json())["error"]["message"] == "The camera does not answer"
