"""The one error of the format modules.

* FormatError: bytes, or facts about them, that cannot be what they claim to be
    * BoxError: an ISO BMFF box (`packager.boxes`)
    * MovieHeaderError: `ftyp` and `moov` (`packager.movie_header_reader`)
    * FragmentError: `moof` and `mdat` (`packager.fmp4_reader`)
    * CommentHeaderError: the comments of Vorbis (`packager.comment_header`)
    * OggError: an Ogg stream (`packager.ogg`)
    * SeekIndexError: the JSON of a seek index (`packager.seek_index`)
    * FingerprintError: a stored fingerprint (`packager.fingerprint`)
"""

from typing import ClassVar


class FormatError(Exception):
    """Bytes, or facts about them, that cannot be what they claim to be.

    Attributes:
        status: HTTP status for a caller if nothing better is known.
        retryable: whether the same call may succeed later; damaged bytes stay damaged.
        reason: stable label for metrics and problem documents.
        title: what went wrong, in a few words.
    """

    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    reason: ClassVar[str] = "format"
    title: ClassVar[str] = "Damaged or impossible media file"
