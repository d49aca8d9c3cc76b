"""The pages of a Parquet file are added up before it is read: a file of a few kilobytes can unpack into gigabytes.

The sizes in a file's footer are what its writer says. What a reader allocates stands before each page, in a header of
Thrift's compact protocol (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md) whose
fields are those of https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

MOST_HEADER_BYTES = 2**20  # it holds the least and the greatest value of its page
MOST_DEPTH = 8
TRUE, FALSE, BYTE, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12
WHOLE_NUMBERS = (4, 5, 6)
UNPACKED, PACKED, DATA, DICTIONARY, DATA_V2 = 2, 3, 5, 7, 8  # fields of a page's header
ENCODING = {DATA: 2, DICTIONARY: 2, DATA_V2: 4}  # field of the encoding in the header's part for each kind of page
ENCODINGS = (0, 2, 3, 8)  # plain, by a dictionary (two names), and runs; others make much out of little


class Header:
    """A reader of one page's header.

    Args:
        data: the file.
        place: first byte of the header.
    """

    def __init__(self, data: bytes, place: int) -> None:
        self.data, self.place, self.end = data, place, min(len(data), place + MOST_HEADER_BYTES)

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """Read the fields of a struct by their numbers."""
        if depth > MOST_DEPTH:
            raise ValueError("a page's header is nested too deep")
        fields: dict[int, Any] = {}
        number = 0
        while kind := self._byte():
            step = kind >> 4
            number = number + step if step else self._whole_number()
            fields[number] = self._value(kind & 15, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (TRUE, FALSE):
            return kind == TRUE
        if kind == BYTE:
            return self._byte()
        if kind in WHOLE_NUMBERS:
            return self._whole_number()
        if kind in (DOUBLE, BINARY):
            return self._skip(8 if kind == DOUBLE else self._varint())
        if kind in (LIST, SET):
            return self._items(depth)
        if kind == STRUCT:
            return self.struct(depth + 1)
        raise ValueError("a page's header has a field of an unknown kind")

    def _items(self, depth: int) -> list[Any]:
        first = self._byte()
        count, kind = first >> 4, first & 15
        count = self._varint() if count == 15 else count
        # a flag in a list takes a byte, unlike one in a struct
        return [self._byte() if kind in (TRUE, FALSE) else self._value(kind, depth + 1) for _ in range(count)]

    def _whole_number(self) -> int:
        number = self._varint()
        return (number >> 1) ^ -(number & 1)

    def _varint(self) -> int:
        result = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            result |= (byte & 127) << shift
            if byte < 128:
                return result
        raise ValueError("a page's header has a number of too many digits")

    def _byte(self) -> int:
        self._skip(1)
        return self.data[self.place - 1]

    def _skip(self, count: int) -> None:
        self.place += count
        if self.place > self.end:
            raise ValueError("a page's header does not end")


def unpacked_bytes(data: bytes, metadata: Any) -> int:
    """Add up the bytes that the pages of a Parquet file unpack into.

    Args:
        data: the file.
        metadata: pyarrow's `FileMetaData` of it.

    Raises:
        ValueError: if a page lies outside the file, or is encoded otherwise than we write it.
    """
    chunks = (
        metadata.row_group(group).column(number)
        for group in range(metadata.num_row_groups)
        for number in range(metadata.num_columns)
    )
    return sum(size for chunk in chunks for size in _pages(data, chunk))


def _pages(data: bytes, chunk: Any) -> Iterator[int]:
    """Yield the unpacked size of each page of a column's chunk."""
    starts = [chunk.data_page_offset, *([chunk.dictionary_page_offset] if chunk.has_dictionary_page else [])]
    place, end = min(starts), min(starts) + chunk.total_compressed_size
    if place < 0 or end > len(data) or end < place:
        raise ValueError("a column lies outside the file")
    while place < end:
        header = Header(data, place)
        fields = header.struct()
        unpacked, packed = fields.get(UNPACKED, -1), fields.get(PACKED, -1)
        if min(unpacked, packed) < 0:
            raise ValueError("a page has no size")
        for kind, number in ENCODING.items():
            if kind in fields and fields[kind].get(number) not in ENCODINGS:
                raise ValueError("a page is encoded otherwise than this toolkit writes it")
        place = header.place + packed
        yield unpacked
