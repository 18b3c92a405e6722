"""What the formats of tags call what we keep. No I/O."""

from collections.abc import Mapping
from typing import Final

Vocabulary = Mapping[str, tuple[str, ...]]
"""Names in a format, the best one first, by our names. All are in lower case but ID3's."""

ID3_FRAMES: Final[Vocabulary] = {
    "title": ("TIT2",),
    "artist": ("TPE1",),
    "artists": ("TXXX:artists",),
    "album": ("TALB",),
    "albumartist": ("TPE2", "TXXX:albumartist", "TXXX:album artist"),
    "discnumber": ("TPOS",),
    "disctotal": ("TXXX:disctotal", "TXXX:totaldiscs"),
    "tracknumber": ("TRCK",),
    "tracktotal": ("TXXX:tracktotal", "TXXX:totaltracks"),
    "date": ("TDRC", "TDRL", "TYER"),
    "isrc": ("TSRC",),
    "titlesort": ("TSOT",),
    "artistsort": ("TSOP",),
    "albumsort": ("TSOA",),
    "albumartistsort": ("TSO2", "TXXX:albumartistsort"),
    "composer": ("TCOM",),
    "genre": ("TCON",),
    "copyright": ("TCOP",),
    "label": ("TPUB", "TXXX:label"),
    "barcode": ("TXXX:barcode", "TXXX:upc", "TXXX:ean"),
    "compilation": ("TCMP", "TXXX:compilation"),
    "language": ("TLAN",),
}
"""Frames of ID3v2.4, to which mutagen translates older ones."""

MP4_ATOMS: Final[Vocabulary] = {
    "title": ("\xa9nam",),
    "artist": ("\xa9art",),
    "artists": ("----:artists",),
    "album": ("\xa9alb",),
    "albumartist": ("aart",),
    "discnumber": ("disk",),
    "tracknumber": ("trkn",),
    "date": ("\xa9day",),
    "isrc": ("----:isrc",),
    "titlesort": ("sonm",),
    "artistsort": ("soar",),
    "albumsort": ("soal",),
    "albumartistsort": ("soaa",),
    "composer": ("\xa9wrt",),
    "genre": ("\xa9gen",),
    "copyright": ("cprt",),
    "label": ("----:label", "----:publisher"),
    "barcode": ("----:barcode", "----:upc", "----:ean"),
    "compilation": ("cpil",),
    "language": ("----:language",),
}
"""Names of atoms; of freeform ones without the domain that stands in them."""

COMMENTS: Final[Vocabulary] = {
    "title": ("title",),
    "artist": ("artist",),
    "artists": ("artists",),
    "album": ("album",),
    "albumartist": ("albumartist", "album artist", "album_artist"),
    "discnumber": ("discnumber", "disc"),
    "disctotal": ("disctotal", "totaldiscs"),
    "tracknumber": ("tracknumber", "track"),
    "tracktotal": ("tracktotal", "totaltracks"),
    "date": ("date", "year"),
    "isrc": ("isrc",),
    "titlesort": ("titlesort",),
    "artistsort": ("artistsort",),
    "albumsort": ("albumsort",),
    "albumartistsort": ("albumartistsort",),
    "composer": ("composer",),
    "genre": ("genre",),
    "copyright": ("copyright",),
    "label": ("label", "publisher", "organization"),
    "barcode": ("barcode", "upc", "ean", "ean/upn", "ean/upc"),
    "compilation": ("compilation",),
    "language": ("language",),
}
"""Vorbis comments and items of APEv2: free names, but these are used."""

ASF_ATTRIBUTES: Final[Vocabulary] = {
    "title": ("title",),
    "artist": ("author",),
    "artists": ("wm/artists",),
    "album": ("wm/albumtitle",),
    "albumartist": ("wm/albumartist",),
    "discnumber": ("wm/partofset",),
    "tracknumber": ("wm/tracknumber",),
    "date": ("wm/year",),
    "isrc": ("wm/isrc",),
    "titlesort": ("wm/titlesortorder",),
    "artistsort": ("wm/artistsortorder",),
    "albumsort": ("wm/albumsortorder",),
    "albumartistsort": ("wm/albumartistsortorder",),
    "composer": ("wm/composer",),
    "genre": ("wm/genre",),
    "copyright": ("copyright",),
    "label": ("wm/publisher",),
    "barcode": ("wm/barcode",),
    "compilation": ("wm/iscompilation",),
    "language": ("wm/language",),
}
"""Attributes of ASF, as in WMA."""

NAMES: Final = frozenset(COMMENTS)
"""Ours: whoever reads tags may be told of these."""
