"""Frames as docs/protocol.md has them: bytes in and out, no sockets."""

import struct
from typing import Any, NamedTuple, Optional

import msgpack

PREFACE = b"\xc1RPC\x01"
HELLO, REQUEST, RESPONSE, ERROR, CANCEL, PING, PONG, GOAWAY, ITEM, END, CREDIT, CONTINUATION = range(1, 13)

# Flags of a REQUEST.
ONE_WAY, IDEMPOTENT, NO_RETRY_BELOW, STREAM = 0x01, 0x02, 0x04, 0x40
# Flags of what comes back.
METADATA, LOAD = 0x01, 0x02
# Flags of all that may be long.
MORE, COMPRESSED = 0x08, 0x10

HEADER = struct.Struct(">IBBI")
REQUEST_HEAD = struct.Struct(">IBBHBB")
ID_MAX = 0x7FFF_FFFF
MESSAGE_BYTES = 4 * 1024 * 1024
STREAM_CREDIT = 65_536
CONNECTION_CREDIT = 1_048_576

CODES = (
    "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED "
    "FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED"
).split()


class ProtocolError(Exception):
    """The server has broken the protocol: the connection is closed for cause."""


class CallError(Exception):
    """A call has failed. `handler_ran` is None when nobody can know."""

    def __init__(
        self,
        code: str,
        reason: str,
        handler_ran: Optional[bool] = None,
        retry_after_ms: Optional[int] = None,
        details: Any = None,
    ) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason
        self.handler_ran = handler_ran
        self.retry_after_ms = retry_after_ms
        self.details = details


class Reply(NamedTuple):
    """What stands in front of the payload of a RESPONSE or END, and where that begins."""

    metadata: dict
    payload_start: int


def frame(kind: int, flags: int, call_id: int, body: bytes = b"") -> bytes:
    return HEADER.pack(len(body), kind, flags, call_id) + body


def hello(version: int, message_bytes: int, calls_in_flight: int, uptime_ms: int, compression: list) -> bytes:
    fields = {
        "version": version,
        "codec": "msgpack",
        "messageBytes": message_bytes,
        "callsInFlight": calls_in_flight,
        "uptimeMs": uptime_ms,
    }
    if compression:
        fields["compression"] = compression
    return frame(HELLO, 0, 0, msgpack.encode(fields))


def request_head(service: str, method: str, remaining_ms: int, attempt: int, priority: int, metadata: bytes) -> bytes:
    """The body of a REQUEST up to its payload."""
    names = service.encode("ascii"), method.encode("ascii")
    head = REQUEST_HEAD.pack(remaining_ms, attempt, priority, len(metadata), len(names[0]), len(names[1]))
    return head + names[0] + names[1] + metadata


def encode_metadata(pairs: dict) -> bytes:
    section = bytearray()
    for key, value in pairs.items():
        name, text = key.encode("ascii"), value.encode("utf-8")
        section += struct.pack(">BH", len(name), len(text)) + name + text
    if len(section) > 16_384 or len(pairs) > 64:
        raise ValueError("metadata is at most 16,384 bytes and 64 pairs")
    return bytes(section)


def decode_metadata(section: bytes) -> dict:
    pairs = {}
    at = 0
    while at < len(section):
        name_length, text_length = struct.unpack_from(">BH", section, at)
        at += 3
        end = at + name_length + text_length
        if end > len(section):
            raise ProtocolError("metadata is cut short")
        pairs[section[at : at + name_length].decode("ascii")] = section[at + name_length : end].decode("utf-8")
        at = end
    return pairs


def reply_head(flags: int, body: bytes) -> Reply:
    start = 4 if flags & LOAD else 0
    if not flags & METADATA:
        return Reply({}, start)
    (length,) = struct.unpack_from(">H", body, start)
    return Reply(decode_metadata(body[start + 2 : start + 2 + length]), start + 2 + length)


def call_error(flags: int, body: bytes) -> CallError:
    """What the body of an ERROR says."""
    _, start = reply_head(flags, body)
    code, ran, retry_after, length = struct.unpack_from(">BBIH", body, start)
    end = start + 8 + length
    if end > len(body):
        raise ProtocolError("an ERROR is cut short")
    return CallError(
        CODES[code] if 0 < code < len(CODES) else "UNKNOWN",
        body[start + 8 : end].decode("utf-8", "replace"),
        ran != 0,
        None if retry_after == 0xFFFF_FFFF else retry_after,
        msgpack.decode(body[end:]) if end < len(body) else None,
    )
