"""Decoding a master and encoding it for one rendition, onto a spool."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import BinaryIO, Final

from packager.context import NO_CONTEXT, Context, read_context
from packager.decode import MasterReader, open_master
from packager.encode_aac import LEAD_MIN as AAC_LEAD_MIN
from packager.encode_aac import encode_aac
from packager.encode_flac import encode_flac
from packager.encode_opus import LEAD_MIN as OPUS_LEAD_MIN
from packager.encode_opus import encode_opus
from packager.encode_vorbis import encode_vorbis
from packager.encoded_track import EncodedTrack
from packager.errors import MasterChangedError
from packager.jobs import OnProgress, PackagingOrder
from packager.lossy_feed import LossyFeed, Source
from packager.packet_spool import PacketSpool
from packager.pcm import Block, quantizer_of
from packager.read_ahead import reading_ahead
from packager.renditions import Codec
from packager.sample_rates import lossy_channels, rendition_rate_hz

# libvorbis's scale, by the nominal bit rate: at 44.1 kHz stereo they give about these.
_VORBIS_QUALITIES: Final = MappingProxyType({96_000: 2, 160_000: 5, 320_000: 9})

_LEADS_MIN: Final = MappingProxyType({Codec.AAC: AAC_LEAD_MIN, Codec.OPUS: OPUS_LEAD_MIN})

# Decoding FLAC takes nearly as long as encoding it, so both are done at a time; with the other
# codecs, encoding is nearly all. A few blocks of a third of a second level out the difference.
_BLOCKS_AHEAD: Final = 4


def encode_mp4_track(
    order: PackagingOrder, master: BinaryIO, spool: PacketSpool, on_progress: OnProgress
) -> EncodedTrack:
    """Encode the packets of a rendition in MP4.

    Raises:
        MasterError: the master is not the one that was inspected.
        ScratchError: its context cannot be read.
    """
    codec = order.profile.codec
    if codec is Codec.FLAC:
        return _encode_flac(order, master, spool, on_progress)
    encode = {Codec.AAC: encode_aac, Codec.OPUS: encode_opus}[codec]
    context = read_context(
        order.before,
        order.after,
        sample_rate_hz=order.facts.sample_rate_hz,
        channels=order.facts.channels,
    )
    with _feeding(order, master, on_progress, context) as feed:
        return encode(feed, bitrate_bps=_bitrate_bps(order), spool=spool)


def encode_ogg(
    order: PackagingOrder, master: BinaryIO, file: BinaryIO, on_progress: OnProgress
) -> int:
    """Encode a rendition in Ogg into `file`; returns how many samples are heard.

    Raises:
        MasterError: the master is not the one that was inspected.
    """
    assert order.profile.bitrate_bps is not None
    with _feeding(order, master, on_progress, NO_CONTEXT) as feed:
        encode_vorbis(feed, quality=_VORBIS_QUALITIES[order.profile.bitrate_bps], file=file)
    return feed.samples


def _encode_flac(
    order: PackagingOrder, master: BinaryIO, spool: PacketSpool, on_progress: OnProgress
) -> EncodedTrack:
    facts = order.facts
    with (
        _reading(order, master, on_progress) as (reader, blocks),
        reading_ahead(blocks, ahead=_BLOCKS_AHEAD) as blocks_ahead,
    ):
        form = reader.format
        quantizer = quantizer_of(form.kind, seed=bytes.fromhex(facts.sha256), silent=form.silent)
        encoding = encode_flac(
            (quantizer.quantize(block) for block in blocks_ahead),
            sample_rate_hz=facts.sample_rate_hz,
            channels=facts.channels,
            bits=facts.bits,
            spool=spool,
        )
    if encoding.pcm_sha256 != facts.pcm_sha256:
        raise MasterChangedError("the master decodes to other samples than when it was inspected")
    return encoding.track


def _bitrate_bps(order: PackagingOrder) -> int:
    """For all channels together; that of the profile is for stereo."""
    stereo_bps = order.profile.bitrate_bps
    assert stereo_bps is not None
    if lossy_channels(order.facts.channels) > 1:
        return stereo_bps
    # Half would take Opus down to what telephones use: stereo costs it less than twice of mono.
    return stereo_bps * 2 // 3 if order.profile.codec is Codec.OPUS else stereo_bps // 2


@contextmanager
def _feeding(
    order: PackagingOrder, master: BinaryIO, on_progress: OnProgress, context: Context
) -> Iterator[LossyFeed]:
    """Open the master as an encoder of the rendition takes it."""
    codec = order.profile.codec
    with _reading(order, master, on_progress) as (reader, blocks):
        form = reader.format
        yield LossyFeed(
            blocks,
            source=Source(form.kind, form.layout, form.sample_rate_hz, form.silent),
            to_hz=rendition_rate_hz(codec, form.sample_rate_hz),
            context=context,
            lead_min=_LEADS_MIN.get(codec, 0),
        )


@contextmanager
def _reading(
    order: PackagingOrder, master: BinaryIO, on_progress: OnProgress
) -> Iterator[tuple[MasterReader, Iterator[Block]]]:
    """Open the master as it was inspected; yields the reader and its blocks."""
    facts = order.facts
    has_hidden_depth = not facts.is_lossless_of_master
    with open_master(
        master, facts.bytes, has_hidden_depth=has_hidden_depth, is_inspected=True
    ) as reader:

        def blocks() -> Iterator[Block]:
            for block in reader.blocks():
                on_progress(min(1.0, reader.samples / facts.samples))
                yield block

        yield reader, blocks()
        if reader.samples != facts.samples:
            raise MasterChangedError("the master decodes to another length than when inspected")
