import io

from hypothesis import given
from hypothesis import strategies as st

from packager.packet_spool import PacketSpool


@given(packets=st.lists(st.binary(min_size=1, max_size=40), max_size=20))
def test_packets_come_back_as_often_as_wanted(packets: list[bytes]):
    spool = PacketSpool(io.BytesIO())
    for packet in packets:
        spool.write_encoded([packet, b""])
    assert list(spool.sizes) == [len(packet) for packet in packets]
    assert spool.total_bytes == sum(map(len, packets))
    assert list(spool.packets()) == packets
    assert list(spool.packets()) == packets


@given(packets=st.lists(st.binary(min_size=1, max_size=40), max_size=20), data=st.data())
def test_packets_outside_of_those_to_be_kept_are_gone(packets: list[bytes], data: st.DataObject):
    start, end = sorted(data.draw(st.integers(0, len(packets))) for _ in range(2))
    spool = PacketSpool(io.BytesIO())
    spool.write_encoded(packets)
    spool.keep(start, end)
    assert list(spool.packets()) == packets[start:end]
    assert spool.reading()(spool.total_bytes) == b"".join(packets[start:end])
    assert list(spool.sizes) == list(map(len, packets[start:end]))
    assert spool.total_bytes == sum(map(len, packets[start:end]))
