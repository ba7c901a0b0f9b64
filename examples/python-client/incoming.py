"""What comes in: bytes become frames, and frames in pieces become messages."""

from typing import Any, Callable

import struct

from frames import CONTINUATION, ERROR, HEADER, ITEM, MORE, REQUEST, RESPONSE, MESSAGE_BYTES, ProtocolError

_IN_PIECES = (REQUEST, RESPONSE, ERROR, ITEM)


class FrameReader:
    """Cuts bytes into frames."""

    def __init__(self, on_frame: Callable[[int, int, int, bytes], None]) -> None:
        self._on_frame = on_frame
        self._unread = bytearray()

    def push(self, data: bytes) -> None:
        self._unread += data
        start = 0
        size = len(self._unread)
        while size - start >= HEADER.size:
            length, kind, flags, call_id = HEADER.unpack_from(self._unread, start)
            if length > 4 * MESSAGE_BYTES:
                raise ProtocolError(f"a frame of {length} bytes")
            if size - start < HEADER.size + length:
                break
            body = bytes(self._unread[start + HEADER.size : start + HEADER.size + length])
            start += HEADER.size + length
            self._on_frame(kind, flags, call_id, body)
        del self._unread[:start]


class _Parts:
    def __init__(self, kind: int, flags: int, length: int, wanted: bool) -> None:
        self.kind = kind
        self.flags = flags
        self.left = length
        self.wanted = wanted
        self.parts: list = []


class Assembler:
    """Puts messages together, and hands everything else on as it is."""

    def __init__(self, owner: Any) -> None:
        self._owner = owner
        self._parts: dict = {}

    def frame(self, kind: int, flags: int, call_id: int, body: bytes) -> None:
        if kind == CONTINUATION:
            self._continue(flags, call_id, body)
        elif kind in _IN_PIECES and flags & MORE:
            (length,) = struct.unpack_from(">I", body)
            wanted = self._owner.announced(kind, flags, call_id, length)
            self._parts[call_id] = _Parts(kind, flags & ~MORE, length, wanted)
            self._add(call_id, body[4:], True)
        else:
            self._owner.message(kind, flags, call_id, body)

    def drop(self, call_id: int) -> bool:
        """Nobody wants what is coming of a call. Returns whether something is."""
        parts = self._parts.get(call_id)
        if parts is None or not parts.wanted:
            return False
        parts.wanted = False
        parts.parts.clear()
        return True

    def _continue(self, flags: int, call_id: int, body: bytes) -> None:
        if call_id not in self._parts:
            raise ProtocolError(f"a CONTINUATION of {call_id}, which announced nothing")
        self._add(call_id, body, bool(flags & MORE))

    def _add(self, call_id: int, part: bytes, more: bool) -> None:
        parts = self._parts[call_id]
        parts.left -= len(part)
        if parts.left < 0 or more == (parts.left == 0):
            raise ProtocolError("a message in pieces is longer or shorter than announced")
        if parts.wanted:
            parts.parts.append(part)
        if more:
            return
        del self._parts[call_id]
        if parts.wanted:
            self._owner.message(parts.kind, parts.flags, call_id, b"".join(parts.parts))
