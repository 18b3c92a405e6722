import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.legacy_text import decode_texts


def decoded(*texts: str | bytes) -> list[str]:
    return decode_texts({"all": texts})["all"]


@pytest.mark.parametrize(
    "text",
    [
        "Björk",
        "Motörhead",
        "Café del Mar",
        "Dvořák: Z nového světa",
        "Сплин",
        "初音ミク",
        "“Heroes” — 1977",
        "l’été",
    ],
)
def test_utf_8_is_found(text: str):
    assert decoded(text.encode()) == [text]


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(["Кино", "Группа крови"], id="artist and title"),
        pytest.param(["Владимир Высоцкий", "Кони привередливые"], id="long ones"),
        pytest.param(["Земфира", "ПММЛ"], id="capitals"),
        pytest.param(["Океан Ельзи", "Без меж"], id="Ukrainian"),
        pytest.param(["Щурците", "Вкуси от мен"], id="Bulgarian"),
        pytest.param(["Аквариум", "Ten Years After", "Город золотой"], id="beside English"),
        pytest.param(["Ёлка", "Прованс"], id="a letter out of order"),
        pytest.param(["© 1987 Мелодия", "Секрет"], id="with signs"),
    ],
)
def test_windows_1251_is_found(texts: list[str]):
    assert decoded(*(text.encode("cp1251") for text in texts)) == texts


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(["Björk", "Jóga"], id="Icelandic"),
        pytest.param(["Die Ärzte", "Männer sind Schweine"], id="German"),
        pytest.param(["ÄÖÜ"], id="nothing but accented letters"),
        pytest.param(["äöüß", "ÄÖÜ"], id="two texts of accented letters"),
        pytest.param(["ÅÄÖ", "åäö"], id="Swedish ones"),
        pytest.param(["ÆØÅ", "æøå"], id="Danish ones"),
        pytest.param(["à", "é", "ò", "è", "ì", "ù"], id="words of one letter"),
        pytest.param(["Éééééééé"], id="a cry"),
        pytest.param(["Voilà l’été"], id="French with a mark of Windows"),
        pytest.param(["“Señorita” – ¿Qué?"], id="Spanish with quotes of Windows"),
        pytest.param(["JOSÉ®"], id="a letter before a sign, which is UTF-8 too"),
        pytest.param(["SIGUR RÓS ©"], id="a sign alone"),
        pytest.param(["5 × 5 ÷ 5"], id="signs among the letters"),
        pytest.param(["Þeir Ðað", "Ýmir þýðir"], id="Icelandic letters"),
        pytest.param(["DEVAÎT ÊTRE ÔTÉ"], id="French capitals"),
    ],
)
def test_right_text_stays_right(texts: list[str]):
    assert decoded(*(text.encode("cp1252") for text in texts)) == texts


@pytest.mark.parametrize("text", ["Καλημέρα κόσμε, τι κάνεις", "Θάλασσα πλατιά σ’ αγαπώ"])
def test_greek_does_not_become_russian(text: str):
    raw = text.encode("cp1253")
    assert decoded(raw) == [raw.decode("cp1252")]


def test_strings_are_right_already():
    assert decoded("Ïðèâåò", "Кино".encode("cp1251")) == ["Ïðèâåò", "Êèíî"]


def test_each_name_keeps_its_texts():
    texts: dict[str, list[str | bytes]] = {
        "title": ["Группа крови".encode("cp1251")],
        "artist": ["Кино".encode("cp1251"), "X"],
    }
    assert decode_texts(texts) == {"title": ["Группа крови"], "artist": ["Кино", "X"]}
    assert decode_texts({}) == {}


@given(st.lists(st.binary(max_size=40), max_size=4))
def test_any_bytes_become_text(raw: list[bytes]):
    assert len(decoded(*raw)) == len(raw)


# Words of real languages in Latin-1: letters of ASCII with accented ones between them.
_LATIN_WORDS = st.from_regex(r"[A-Za-z]{1,6}[à-ÿ]?[a-z]{1,5}", fullmatch=True)


@given(st.lists(_LATIN_WORDS, min_size=1, max_size=6).map(" ".join))
def test_latin_1_with_letters_of_ascii_is_never_changed(text: str):
    assert decoded(text.encode("latin-1")) == [text]
