"""What goes out: short messages at once, long ones in pieces that let others pass."""

import asyncio
import struct
from typing import Optional

from frames import CONTINUATION, MORE, ONE_WAY, REQUEST, frame

PIECE_BYTES = 65_526
WHOLE_BYTES = 65_536
TURNS_MAX = 16


class Message:
    """A long message, and how much of it is with the transport."""

    def __init__(self, kind: int, flags: int, call_id: int, body: bytes, sent: asyncio.Future) -> None:
        self.kind = kind
        self.flags = flags
        self.call_id = call_id
        self.body = body
        self.position = 0
        self.sent = sent

    def settle(self) -> None:
        if not self.sent.done():
            self.sent.set_result(None)

    def piece(self) -> bytes:
        """The next frame of this message."""
        start = self.position
        first = start == 0
        self.position = min(len(self.body), start + PIECE_BYTES - (4 if first else 0))
        part = self.body[start : self.position]
        more = MORE if self.position < len(self.body) else 0
        if first:
            return frame(self.kind, self.flags | more, self.call_id, struct.pack(">I", len(self.body)) + part)
        return frame(CONTINUATION, more, self.call_id, part)


class Writer:
    """Writes messages, and waits while the transport is full."""

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._may_write = asyncio.Event()
        self._may_write.set()
        self.has_ended = False
        self._long: list = []
        self._one_way = asyncio.Lock()
        self._pump: Optional[asyncio.Task] = None

    def pause(self) -> None:
        self._may_write.clear()

    def resume(self) -> None:
        self._may_write.set()

    async def until_open(self) -> None:
        await self._may_write.wait()

    def now(self, data: bytes) -> None:
        """Writes a short frame before all that waits."""
        if not self.has_ended and not self._transport.is_closing():
            self._transport.write(data)

    async def message(self, kind: int, flags: int, call_id: int, body: bytes) -> None:
        """Writes a message of a call. Returns when all of it is with the transport, which keeps the order within a call."""
        if len(body) <= WHOLE_BYTES:
            self.now(frame(kind, flags, call_id, body))
        elif kind == REQUEST and flags & ONE_WAY:
            # All one-way calls have the id 0, so their pieces could not be told apart.
            async with self._one_way:
                await self._in_pieces(kind, flags, call_id, body)
        else:
            await self._in_pieces(kind, flags, call_id, body)

    def drop(self, call_id: int) -> Optional["Message"]:
        """Takes what waits of a call out, and returns it: the server has got the beginning if its position is above 0."""
        for message in self._long:
            if message.call_id == call_id:
                self._long.remove(message)
                message.settle()
                return message
        return None

    def stop(self) -> None:
        for message in self._long:
            message.settle()
        self._long.clear()
        self._may_write.set()

    async def _in_pieces(self, kind: int, flags: int, call_id: int, body: bytes) -> None:
        message = Message(kind, flags, call_id, body, self._loop.create_future())
        self._long.append(message)
        if self._pump is None or self._pump.done():
            self._pump = self._loop.create_task(self._write_pieces())
        await asyncio.shield(message.sent)

    async def _write_pieces(self) -> None:
        while self._long:
            for message in self._long[:TURNS_MAX]:
                await self._may_write.wait()
                if message not in self._long:
                    continue
                self.now(message.piece())
                if message.position == len(message.body):
                    self._long.remove(message)
                    message.settle()
            # Whoever has something short to say may do so between two rounds.
            await asyncio.sleep(0)
