from packager.itunes_gapless import itunes_gapless_text


def test_the_note_is_written_as_itunes_does():
    assert itunes_gapless_text(priming=2112, padding=458, samples=0x3F31F6) == (
        " 00000000 00000840 000001CA 00000000003F31F6" + 8 * " 00000000"
    )


def test_lengths_beyond_32_bits_have_their_place():
    text = itunes_gapless_text(priming=1024, padding=0, samples=1 << 33)
    assert text.split()[3] == "0000000200000000"
