import io

import av
import numpy as np
import pytest

from packager.context import Context
from packager.frame_encoder import encode_frames, layout_of
from packager.packet_spool import PacketSpool
from packager.tests.feeds import feed_of
from packager.tests.masters import music

RATE = 48_000


def pcm_encoder(channels: int, form: str) -> av.AudioCodecContext:
    """Opus at a rate that keeps everything."""
    encoder = av.CodecContext.create("libopus" if form == "flt" else "aac", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate = RATE
    encoder.layout = layout_of(channels)
    encoder.format = form
    encoder.bit_rate = 96_000 * channels
    encoder.open()
    return encoder


@pytest.mark.parametrize(("form", "frame", "priming"), [("flt", 960, 312), ("fltp", 1024, 1024)])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("lead", [0, 500, 2100])
def test_packets_reach_from_the_lead_to_the_end(
    form: str, frame: int, priming: int, channels: int, lead: int
):
    context = Context(music(lead, channels).astype("f4"), music(3000, channels).astype("f4"))
    feed = feed_of(music(9_999, channels), rate=RATE, context=context, lead_min=lead)
    spool = PacketSpool(io.BytesIO())
    encode_frames(pcm_encoder(channels, form), feed, priming=priming, spool=spool)
    assert (feed.lead, feed.samples) == (lead, 9_999)
    assert len(spool.sizes) == -(-(priming + lead + 9_999) // frame)


def test_a_rehearsal_leads_to_the_start_of_the_context():
    """The last packet of it is dropped, and the first one kept sounds like the context."""
    whole = music(20_000)
    context = Context(whole[:4096].astype("f4"), whole[-2000:].astype("f4"))
    feed = feed_of(whole[4096:-2000], rate=RATE, context=context, lead_min=4096)
    spool = PacketSpool(io.BytesIO())
    encode_frames(pcm_encoder(2, "fltp"), feed, priming=1024, spool=spool)
    encoder = pcm_encoder(2, "fltp")
    decoder = av.CodecContext.create("aac", "r")
    decoder.extradata = encoder.extradata
    frames = [frame for packet in spool.packets() for frame in decoder.decode(av.Packet(packet))]
    decoded = np.concatenate([frame.to_ndarray() for frame in frames], axis=1).T
    error = decoded[2048 : 1024 + len(whole) - 2000] - whole[1024:-2000]
    assert np.sqrt((error**2).mean()) < 0.04
