"""MessagePack as docs/protocol.md has it under "Values": what Python has types for, everything else as an `Extension`."""

import datetime
import struct
from typing import Any, NamedTuple


class Extension(NamedTuple):
    """A value that Python has no type for: it can be sent back as it came."""

    type: int
    data: bytes


class RemoteError(NamedTuple):
    """An `Error` that is a value, not the failure of a call."""

    name: str
    message: str


class Undefined:
    """JavaScript's `undefined` where a value must stand."""

    def __repr__(self) -> str:
        return "UNDEFINED"


UNDEFINED = Undefined()

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
_DATE, _UNDEFINED, _BIGINT, _ERROR, _MAP, _SET = -1, 0, 66, 101, 109, 115


class MalformedValue(ValueError):
    """These bytes are not one value."""


def encode(value: Any) -> bytes:
    """The bytes of a value. Raises TypeError for what does not travel."""
    out = bytearray()
    _write(out, value)
    return bytes(out)


def _write(out: bytearray, value: Any) -> None:
    if value is None:
        out.append(0xC0)
    elif value is True or value is False:
        out.append(0xC3 if value else 0xC2)
    elif isinstance(value, int):
        _write_integer(out, value)
    elif isinstance(value, float):
        out += struct.pack(">Bd", 0xCB, value)
    elif isinstance(value, str):
        data = value.encode("utf-8")
        if len(data) < 32:
            out.append(0xA0 | len(data))
        else:
            _write_length(out, len(data), 0xD9, 0xDA, 0xDB)
        out += data
    elif isinstance(value, (bytes, bytearray)):
        _write_length(out, len(value), 0xC4, 0xC5, 0xC6)
        out += value
    elif isinstance(value, Extension):
        _write_extension(out, value.type, value.data)
    elif isinstance(value, RemoteError):
        _write_extension(out, _ERROR, encode([value.name, value.message]))
    elif isinstance(value, (list, tuple)):
        _write_count(out, len(value), 0x90, 0xDC, 0xDD)
        for item in value:
            _write(out, item)
    elif isinstance(value, dict):
        _write_map(out, value)
    elif isinstance(value, (set, frozenset)):
        _write_extension(out, _SET, encode(list(value)))
    elif isinstance(value, datetime.datetime):
        _write_extension(out, _DATE, _timestamp(value))
    elif value is UNDEFINED:
        _write_extension(out, _UNDEFINED, b"\0")
    else:
        raise TypeError(f"a {type(value).__name__} does not travel")


def _write_integer(out: bytearray, value: int) -> None:
    if 0 <= value < 0x80:
        out.append(value)
    elif -32 <= value < 0:
        out.append(0x100 + value)
    elif value > 0xFFFF_FFFF_FFFF_FFFF or value < -0x8000_0000_0000_0000:
        size = ((value if value >= 0 else ~value).bit_length() + 8) // 8
        if size > 1024:
            raise TypeError("an integer of more than 1,024 bytes does not travel")
        _write_extension(out, _BIGINT, value.to_bytes(size, "big", signed=True))
    else:
        forms = _UNSIGNED if value >= 0 else _SIGNED
        for limit, head, form in forms:
            if -limit <= value < limit:
                out += struct.pack(form, head, value)
                return


_UNSIGNED = [(1 << 8, 0xCC, ">BB"), (1 << 16, 0xCD, ">BH"), (1 << 32, 0xCE, ">BI"), (1 << 64, 0xCF, ">BQ")]
_SIGNED = [(1 << 7, 0xD0, ">Bb"), (1 << 15, 0xD1, ">Bh"), (1 << 31, 0xD2, ">Bi"), ((1 << 63) + 1, 0xD3, ">Bq")]


def _write_map(out: bytearray, value: dict) -> None:
    # The keys of a plain map are texts; one with other keys travels as the extension that is a `Map`.
    if all(isinstance(key, str) and key != "__proto__" for key in value):
        _write_count(out, len(value), 0x80, 0xDE, 0xDF)
        for key, item in value.items():
            _write(out, key)
            _write(out, item)
    else:
        _write_extension(out, _MAP, encode([part for pair in value.items() for part in pair]))


def _write_count(out: bytearray, count: int, short: int, head16: int, head32: int) -> None:
    if count < 16:
        out.append(short | count)
    elif count < 1 << 16:
        out += struct.pack(">BH", head16, count)
    else:
        out += struct.pack(">BI", head32, count)


def _write_length(out: bytearray, length: int, head8: int, head16: int, head32: int) -> None:
    if length < 1 << 8:
        out += struct.pack(">BB", head8, length)
    elif length < 1 << 16:
        out += struct.pack(">BH", head16, length)
    else:
        out += struct.pack(">BI", head32, length)


def _write_extension(out: bytearray, kind: int, data: bytes) -> None:
    fixed = {1: 0xD4, 2: 0xD5, 4: 0xD6, 8: 0xD7, 16: 0xD8}.get(len(data))
    if fixed is not None:
        out.append(fixed)
    else:
        _write_length(out, len(data), 0xC7, 0xC8, 0xC9)
    out += struct.pack(">b", kind)
    out += data


def _timestamp(value: datetime.datetime) -> bytes:
    elapsed = value - _EPOCH
    seconds, nanoseconds = elapsed.days * 86_400 + elapsed.seconds, elapsed.microseconds * 1_000
    if nanoseconds == 0 and 0 <= seconds < 1 << 32:
        return struct.pack(">I", seconds)
    if 0 <= seconds < 1 << 34:
        return struct.pack(">Q", nanoseconds << 34 | seconds)
    return struct.pack(">Iq", nanoseconds, seconds)


def decode(data: bytes) -> Any:
    """The value that these bytes are, all of them. Raises MalformedValue."""
    try:
        value, end = _read(data, 0)
    except (struct.error, IndexError, RecursionError) as error:
        raise MalformedValue("it ends inside a value") from error
    except UnicodeDecodeError as error:
        raise MalformedValue("a text that is not UTF-8") from error
    if end != len(data):
        raise MalformedValue("bytes are left over after the value")
    return value


def _read(data: bytes, at: int) -> tuple:
    head = data[at]
    at += 1
    if head < 0x80:
        return head, at
    if head < 0x90:
        return _read_map(data, at, head & 0x0F)
    if head < 0xA0:
        return _read_array(data, at, head & 0x0F)
    if head < 0xC0:
        return _read_text(data, at, head & 0x1F)
    if head >= 0xE0:
        return head - 0x100, at
    if head in _CONSTANTS:
        return _CONSTANTS[head], at
    if head in _NUMBERS:
        form, size = _NUMBERS[head]
        return struct.unpack_from(form, data, at)[0], at + size
    if head in _SIZED:
        read, form, size = _SIZED[head]
        return read(data, at + size, struct.unpack_from(form, data, at)[0])
    if 0xD4 <= head <= 0xD8:
        return _read_extension(data, at, 1 << (head - 0xD4))
    raise MalformedValue(f"no value begins with 0x{head:02x}")


def _take(data: bytes, at: int, length: int) -> bytes:
    if at + length > len(data):
        raise MalformedValue("it ends inside a value")
    return bytes(data[at : at + length])


def _read_text(data: bytes, at: int, length: int) -> tuple:
    return _take(data, at, length).decode("utf-8"), at + length


def _read_binary(data: bytes, at: int, length: int) -> tuple:
    return _take(data, at, length), at + length


def _read_array(data: bytes, at: int, count: int) -> tuple:
    items = []
    for _ in range(count):
        item, at = _read(data, at)
        items.append(item)
    return items, at


def _read_map(data: bytes, at: int, count: int) -> tuple:
    value = {}
    for _ in range(count):
        key, at = _read(data, at)
        if not isinstance(key, str):
            raise MalformedValue("a key that is not a text")
        value[key], at = _read(data, at)
    return value, at


def _read_extension(data: bytes, at: int, length: int) -> tuple:
    (kind,) = struct.unpack_from(">b", data, at)
    return _extension(kind, _take(data, at + 1, length)), at + 1 + length


def _extension(kind: int, data: bytes) -> Any:
    try:
        if kind == _DATE:
            return _date(data)
        if kind == _UNDEFINED and data == b"\0":
            return UNDEFINED
        if kind == _BIGINT and data:
            return int.from_bytes(data, "big", signed=True)
        if kind == _ERROR:
            return RemoteError(*decode(data))
        if kind == _MAP:
            parts = decode(data)
            if len(parts) % 2:
                raise MalformedValue("a key without a value")
            return dict(zip(parts[::2], parts[1::2]))
        if kind == _SET:
            return set(decode(data))
    except (TypeError, OverflowError):
        # A date beyond Python's, or a key that Python cannot hash: nothing that the bytes are to blame for.
        pass
    return Extension(kind, data)


def _date(data: bytes) -> datetime.datetime:
    if len(data) == 4:
        nanoseconds, seconds = 0, struct.unpack(">I", data)[0]
    elif len(data) == 8:
        (both,) = struct.unpack(">Q", data)
        nanoseconds, seconds = both >> 34, both & 0x3_FFFF_FFFF
    else:
        nanoseconds, seconds = struct.unpack(">Iq", data)
    return _EPOCH + datetime.timedelta(seconds=seconds, microseconds=nanoseconds // 1_000)


_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}
_NUMBERS = {
    0xCA: (">f", 4),
    0xCB: (">d", 8),
    0xCC: (">B", 1),
    0xCD: (">H", 2),
    0xCE: (">I", 4),
    0xCF: (">Q", 8),
    0xD0: (">b", 1),
    0xD1: (">h", 2),
    0xD2: (">i", 4),
    0xD3: (">q", 8),
}
_SIZED = {
    0xC4: (_read_binary, ">B", 1),
    0xC5: (_read_binary, ">H", 2),
    0xC6: (_read_binary, ">I", 4),
    0xC7: (_read_extension, ">B", 1),
    0xC8: (_read_extension, ">H", 2),
    0xC9: (_read_extension, ">I", 4),
    0xD9: (_read_text, ">B", 1),
    0xDA: (_read_text, ">H", 2),
    0xDB: (_read_text, ">I", 4),
    0xDC: (_read_array, ">H", 2),
    0xDD: (_read_array, ">I", 4),
    0xDE: (_read_map, ">H", 2),
    0xDF: (_read_map, ">I", 4),
}
