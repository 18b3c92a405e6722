import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.channel_plan import ChannelPlan, plan_channels, same_places
from packager.pcm import LAYOUTS

SPEAKERS = ("FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR", "TFL")
NAMES = st.lists(st.sampled_from(SPEAKERS), max_size=9)


def channels_of(layout: str) -> list[str]:
    return [channel.name for channel in av.AudioLayout(layout).channels]


@pytest.mark.parametrize("layout", [*LAYOUTS, "quad(side)", "5.0(side)", "5.1(side)"])
def test_a_layout_of_flac_stays_as_it_is(layout: str):
    plan = plan_channels(channels_of(layout))
    assert plan == same_places(layout)
    assert plan.silent == ()
    block = np.ones((3, len(plan.sources)), np.int16)
    assert plan.place(block, silence=0) is block


@pytest.mark.parametrize(
    ("layout", "padded", "sources"),
    [
        ("2.1", "5.1", (0, 1, None, 2, None, None)),
        ("3.1", "5.1", (0, 1, 2, 3, None, None)),
        ("3.0(back)", "6.1", (0, 1, None, None, 2, None, None)),
        ("4.0", "6.1", (0, 1, 2, None, 3, None, None)),
        ("4.1", "6.1", (0, 1, 2, 3, 4, None, None)),
        ("6.0", "6.1", (0, 1, 2, None, 3, 4, 5)),
        ("hexagonal", "6.1", (0, 1, 2, None, 5, 3, 4)),
        ("6.1(back)", "6.1", (0, 1, 2, 3, 6, 4, 5)),
        ("7.0", "7.1", (0, 1, 2, None, 3, 4, 5, 6)),
        ("FL+LFE", "5.1", (0, None, None, 1, None, None)),
        ("FL+FR+LFE+SL+SR", "5.1(side)", (0, 1, None, 2, 3, 4)),
    ],
)
def test_what_flac_lacks_is_padded_to_the_next_layout_that_has_all_of_it(
    layout: str, padded: str, sources: tuple[int | None, ...]
):
    assert plan_channels(channels_of(layout)) == ChannelPlan(padded, sources)


@pytest.mark.parametrize(
    "layout",
    [
        pytest.param("6.0(front)", id="left and right of the center"),
        pytest.param("6.1(front)", id="the same with low frequencies"),
        pytest.param("7.0(front)", id="the same with a center"),
        pytest.param("7.1(wide)", id="7.1 wide"),
        pytest.param("7.1(wide-side)", id="7.1 wide with its surrounds at the sides"),
        pytest.param("octagonal", id="pairs at the sides and in the back, and a back center"),
        pytest.param("cube", id="heights"),
        pytest.param("downmix", id="channels without a place"),
    ],
)
def test_what_no_layout_has_room_for_has_no_plan(layout: str):
    assert plan_channels(channels_of(layout)) is None


def test_silence_is_where_nothing_comes_from():
    plan = ChannelPlan("5.1", (0, 1, None, 2, None, None))
    assert plan.silent == (2, 4, 5)
    block = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
    placed = plan.place(block, silence=128)
    assert placed.dtype == np.uint8
    assert placed.tolist() == [[1, 2, 128, 3, 128, 128], [4, 5, 128, 6, 128, 128]]


@given(NAMES)
def test_every_channel_has_one_place_or_there_is_no_plan(names: list[str]):
    plan = plan_channels(names)
    if plan is None:
        return
    heard = [source for source in plan.sources if source is not None]
    assert sorted(heard) == list(range(len(names)))
    assert len(plan.sources) == len(channels_of(plan.layout)) <= 8
    for place, source in zip(channels_of(plan.layout), plan.sources, strict=True):
        if source is not None:
            # At most the pair in the back has become one at the sides.
            assert names[source] in {place, place.replace("S", "B")}


@given(st.sets(st.sampled_from(channels_of("7.1")), min_size=1))
def test_no_channel_of_7_1_is_refused(names: set[str]):
    assert plan_channels(sorted(names)) is not None
