"""Any bytes, which come back as they are."""

import lzma
import zlib
from collections.abc import Callable

from isgan.codecs import codecs
from isgan.codecs.base import Codec
from isgan.errors import IsganError
from isgan.files import MAX_BYTES

FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9, "dict_size": 8 * 2**20}]
SMALL = 32 * 2**20  # bytes; LZMA takes ten seconds for them, and hardly a cover carries more
AS_IT_IS, DEFLATE, LZMA = 0, 1, 2


@codecs.register("file")
class File(Codec[bytes]):
    """Whatever is smallest.

    Packed: a byte that says how, then the bytes as they are (0), by raw deflate (1), or by raw LZMA2 (2); its dictionary
    has 8 MiB.
    """

    number = 0
    suffix = ""
    levels = range(1)

    def pack(self, picture: bytes, level: int) -> bytes:
        deflate = zlib.compressobj(9, wbits=-15)
        packed = [bytes([AS_IT_IS]) + picture, bytes([DEFLATE]) + deflate.compress(picture) + deflate.flush()]
        if len(picture) <= SMALL:
            packed.append(bytes([LZMA]) + lzma.compress(picture, lzma.FORMAT_RAW, filters=FILTERS))
        return min(packed, key=len)

    def decode(self, data: bytes) -> bytes:
        how, packed = data[:1], data[1:]
        if how == bytes([AS_IT_IS]):
            return packed
        if how == bytes([DEFLATE]):
            inflate = zlib.decompressobj(-15)
            return _unpacked(inflate.decompress, lambda: inflate.eof, packed)
        if how == bytes([LZMA]):
            unpacker = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=FILTERS)
            return _unpacked(unpacker.decompress, lambda: unpacker.eof, packed)
        raise IsganError("the secret is packed in a way that this version does not know: update isgan")


def _unpacked(unpack: Callable[[bytes, int], bytes], finished: Callable[[], bool], packed: bytes) -> bytes:
    try:
        data = unpack(packed, MAX_BYTES)
    except (zlib.error, lzma.LZMAError) as error:
        raise IsganError("the secret's bytes do not unpack: it was hidden by another version of isgan") from error
    if not finished():
        raise IsganError(f"the secret is cut off, or larger than {MAX_BYTES / 2**20:.0f} MiB")
    return data
