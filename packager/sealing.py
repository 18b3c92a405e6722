"""Sealed files: the whole file under AES-128-CTR, any byte range decryptable alone.

The IV is the first counter block. The counter is all 128 bits of it, big-endian, and wraps at the
end, as in NIST SP 800-38A appendix B.1 with m = 128, in OpenSSL, and in
WebCrypto with `length: 128`.
Encryption and decryption are one and the same.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

_BLOCK: Final = 16
_COUNTER_BITS: Final = 128


def seal(key: bytes, iv: bytes, parts: Iterable[bytes]) -> Iterator[bytes]:
    """Encrypt a file that arrives in parts, from its first byte on."""
    keystream = _keystream_at(key, iv, 0)
    for part in parts:
        yield keystream.update(part)


def unseal(key: bytes, iv: bytes, offset: int, data: bytes) -> bytes:
    """Decrypt `data`, the part of a sealed file that starts at byte `offset`.

    A wrong key or IV yields other bytes, which nothing here can tell.
    """
    return _keystream_at(key, iv, offset).update(data)


def _keystream_at(key: bytes, iv: bytes, offset: int) -> CipherContext:
    """The cipher, as it stands before byte `offset` of the file."""
    assert offset >= 0
    block, within = divmod(offset, _BLOCK)
    counter = (int.from_bytes(iv, "big") + block) % (1 << _COUNTER_BITS)
    cipher = Cipher(algorithms.AES(key), modes.CTR(counter.to_bytes(_BLOCK, "big")))
    context = cipher.encryptor()
    context.update(bytes(within))
    return context
