import pytest
from hypothesis import given
from hypothesis import strategies as st

from http_semantics.forwarded import forwarded_for, x_forwarded_for


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param(["for=192.0.2.60;proto=http;by=203.0.113.43"], ["192.0.2.60"], id="one"),
        pytest.param(['For="[2001:db8:cafe::17]:4711"'], ["2001:db8:cafe::17"], id="IPv6, port"),
        pytest.param(
            ["for=192.0.2.43, for=198.51.100.17"], ["192.0.2.43", "198.51.100.17"], id="2"
        ),
        pytest.param(
            ["for=192.0.2.43", "for=198.51.100.17"],
            ["192.0.2.43", "198.51.100.17"],
            id="two fields",
        ),
        pytest.param(['for="_gazonk"'], [None], id="obfuscated"),
        pytest.param(["for=unknown"], [None], id="unknown"),
        pytest.param(["proto=https"], [None], id="not told"),
        pytest.param(['for="192.0.2.43:\\4711"'], ["192.0.2.43"], id="quoted pair"),
        pytest.param(['for="a, for=192.0.2.1'], [None], id="open quotes"),
        pytest.param(['for=192.0.2.9;x="a, for=192.0.2.1"'], ["192.0.2.9"], id="within quotes"),
        pytest.param(["for=", "for=192.0.2.1"], [None, "192.0.2.1"], id="malformed before"),
        pytest.param([], [], id="no field"),
    ],
)
def test_forwarded(values: list[str], expected: list[str | None]):
    assert forwarded_for(values) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param(["192.0.2.43, 2001:db8::1"], ["192.0.2.43", "2001:db8::1"], id="two"),
        pytest.param(["192.0.2.43:80,[2001:db8::1]:80"], ["192.0.2.43", "2001:db8::1"], id="ports"),
        pytest.param(["unknown, 010.0.0.1, fe80::1%eth0"], [None, None, None], id="odd"),
        pytest.param([""], [None], id="empty"),
        pytest.param([",".join(["192.0.2.1"] * 1000)], ["192.0.2.1"] * 32, id="a flood"),
    ],
)
def test_x_forwarded_for(values: list[str], expected: list[str | None]):
    assert x_forwarded_for(values) == expected


@given(st.lists(st.text('for=;,"[]:.\\% 01a', max_size=40), max_size=4))
def test_any_text_is_read(values: list[str]):
    for read in (forwarded_for, x_forwarded_for):
        assert len(read([*values, "for=192.0.2.1"])) <= 32
