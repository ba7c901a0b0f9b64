"""A client of the native protocol, written from docs/protocol.md alone with nothing but Python's standard library."""

import asyncio
import ssl
import struct
import time
import zlib
from typing import Any, Optional

import frames
import msgpack
from frames import CallError, ProtocolError
from incoming import Assembler, FrameReader
from stream import Stream
from writer import Writer

# A connection that has been silent for so long is asked whether it lives, and given up after as long again.
SILENCE_S = 10
LINGER_S = 1


async def connect(
    host: str, port: int, *, tls: Optional[ssl.SSLContext] = None, compress_from: Optional[int] = None
) -> "Connection":
    """Opens a connection. `compress_from`: payloads of so many bytes and more are sent compressed where the server inflates."""
    _, connection = await asyncio.get_running_loop().create_connection(lambda: Connection(compress_from), host, port, ssl=tls)
    await connection.greeted
    return connection


class _Unary:
    """A call that waits for one answer."""

    def __init__(self, answer: asyncio.Future) -> None:
        self.answer = answer

    def succeed(self, flags: int, body: bytes) -> None:
        metadata, start = frames.reply_head(flags, body)
        payload = body[start:]
        if flags & frames.COMPRESSED:
            payload = inflate(payload)
        value = msgpack.decode(payload) if payload else msgpack.UNDEFINED
        if not self.answer.done():
            self.answer.set_result((value, metadata))

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class Connection(asyncio.Protocol):
    """One connection. It carries any number of calls and streams at once; what fails one of them leaves the others alone."""

    def __init__(self, compress_from: Optional[int]) -> None:
        loop = asyncio.get_running_loop()
        self.greeted = loop.create_future()
        await_quietly(self.greeted)
        self.lost = loop.create_future()
        self.hello: dict = {}
        self.send_balance = frames.CONNECTION_CREDIT
        self.stream_credit = frames.STREAM_CREDIT
        self._loop = loop
        self._compress_from = compress_from
        self._calls: dict = {}
        self._next_id = 1
        self._taken = 0
        self._credit_waiters: set = set()
        self._pongs: list = []
        self._idle: list = []
        self._draining = False
        self._closing: Optional[Exception] = None
        self._read_at = loop.time()

    # What callers use.

    async def call(self, service: str, method: str, *args: Any, **options: Any) -> Any:
        """Calls a method that does not stream. Raises CallError. When the task is cancelled, so is the call."""
        value, _ = await self.call_with_metadata(service, method, *args, **options)
        return value

    async def call_with_metadata(
        self, service: str, method: str, *args: Any, timeout: Optional[float] = None, flags: int = 0, **head: Any
    ) -> tuple:
        """As `call`; returns the result and the metadata that came with it."""
        flags, body = self._request(service, method, args, timeout, flags, **head)
        call_id = self._new_id()
        unary = _Unary(self._loop.create_future())
        self._calls[call_id] = unary
        sending = self._loop.create_task(self.writer.message(frames.REQUEST, flags, call_id, body))
        try:
            return await asyncio.wait_for(unary.answer, timeout)
        except asyncio.TimeoutError:
            # The server knows the deadline too: nothing is said, unless it waits for the rest of the request.
            self._forget(call_id, cancel=False)
            raise CallError("DEADLINE_EXCEEDED", f"no reply in {timeout} s") from None
        except asyncio.CancelledError:
            self._forget(call_id, cancel=True)
            raise
        finally:
            self._forget(call_id, cancel=False)
            await_quietly(sending)

    def notify(self, service: str, method: str, *args: Any, **head: Any) -> asyncio.Task:
        """Sends a one-way call. The task ends when it is with the transport."""
        flags, body = self._request(service, method, args, None, frames.ONE_WAY, **head)
        return self._loop.create_task(self.writer.message(frames.REQUEST, flags, 0, body))

    def stream(self, service: str, method: str, *args: Any, timeout: Optional[float] = None, **head: Any) -> Stream:
        """Opens a stream: `send` and `end` for the items of this side, `async for` for those of the server."""
        flags, body = self._request(service, method, args, timeout, frames.STREAM, **head)
        call_id = self._new_id()
        stream = Stream(self, call_id, self.stream_credit)
        self._calls[call_id] = stream
        stream.opening = self._loop.create_task(self.writer.message(frames.REQUEST, flags, call_id, body))
        if timeout is not None:
            stream.timer = self._loop.call_later(timeout, stream.expire)
        return stream

    async def ping(self) -> None:
        """Returns when the server has answered. At most 100 in ten seconds are legal."""
        pong = self._loop.create_future()
        self._pongs.append(pong)
        self.writer.now(frames.frame(frames.PING, 0, 0, b"\0\0\0\0ping"))
        await pong

    async def half_close(self) -> None:
        """Ends this side: nothing can be sent any more, not even CREDIT. What is in flight will be answered."""
        self._draining = True
        await self.writer.until_open()
        self._end()

    async def close(self) -> None:
        """Waits for what is in flight, ends this side, and waits for the server to end its own."""
        self._draining = True
        if self._calls:
            idle = self._loop.create_future()
            self._idle.append(idle)
            await idle
        self._end()
        await self.lost

    # What streams need.

    def encode_item(self, value: Any) -> tuple:
        return self._payload(b"" if value is msgpack.UNDEFINED else msgpack.encode(value))

    async def until_credit(self) -> None:
        waiter = self._loop.create_future()
        self._credit_waiters.add(waiter)
        try:
            await waiter
        finally:
            self._credit_waiters.discard(waiter)

    def wake(self) -> None:
        for waiter in self._credit_waiters:
            if not waiter.done():
                waiter.set_result(None)

    def grant(self, call_id: int, credit: int) -> None:
        self.writer.now(frames.frame(frames.CREDIT, 0, call_id, struct.pack(">I", credit)))

    def taken(self, cost: int) -> None:
        """An item of any stream was taken or dropped."""
        self._taken += cost
        if self._taken >= frames.CONNECTION_CREDIT // 2:
            self.grant(0, self._taken)
            self._taken = 0

    def give_up(self, call_id: int) -> None:
        self._forget(call_id, cancel=True)

    def expire(self, call_id: int) -> None:
        self._forget(call_id, cancel=False)

    # Calls and ids.

    def _request(
        self,
        service: str,
        method: str,
        args: tuple,
        timeout: Optional[float],
        flags: int,
        *,
        attempt: int = 0,
        priority: int = 128,
        metadata: Optional[dict] = None,
    ) -> tuple:
        if self._draining or self.lost.done():
            raise CallError("UNAVAILABLE", "this connection takes no more calls", False)
        remaining_ms = 0 if timeout is None else max(1, int(timeout * 1_000))
        section = frames.encode_metadata(metadata or {})
        compressed, payload = self._payload(msgpack.encode(args))
        body = frames.request_head(service, method, remaining_ms, attempt, priority, section) + payload
        self._check_length(body)
        return flags | compressed, body

    def _payload(self, payload: bytes) -> tuple:
        """The flag and bytes of a payload: compressed where that was wanted, is understood, and pays."""
        threshold = self._compress_from
        if threshold is not None and len(payload) >= threshold and "deflate" in (self.hello.get("compression") or []):
            smaller = struct.pack(">I", len(payload)) + zlib.compress(payload, 1)
            if len(smaller) < len(payload) <= self.message_bytes:
                return frames.COMPRESSED, smaller
        self._check_length(payload)
        return 0, payload

    def _check_length(self, body: bytes) -> None:
        if len(body) > self.message_bytes:
            reason = f"a message has {len(body)} bytes, {self.message_bytes} are taken"
            raise CallError("RESOURCE_EXHAUSTED", reason, False)

    @property
    def message_bytes(self) -> int:
        return min(frames.MESSAGE_BYTES, self.hello.get("messageBytes", frames.MESSAGE_BYTES))

    def _new_id(self) -> int:
        call_id = self._next_id
        while call_id in self._calls:
            call_id = call_id % frames.ID_MAX + 1
        self._next_id = call_id % frames.ID_MAX + 1
        return call_id

    def _forget(self, call_id: int, cancel: bool) -> Any:
        """Takes a call out of the table. `cancel`: the server would go on with it by itself."""
        call = self._calls.pop(call_id, None)
        if call is None:
            return None
        dropped = self.writer.drop(call_id)
        if dropped is not None and dropped.kind == frames.ITEM and dropped.position == 0:
            self.send_balance += max(1, len(dropped.body))
            self.wake()
        is_unsent = dropped is not None and dropped.kind == frames.REQUEST and dropped.position == 0
        is_cut = dropped is not None and dropped.position > 0
        # Pieces of what the server was about to say are of no use either.
        is_arriving = self._assembler.drop(call_id)
        if is_cut or is_arriving or (cancel and not is_unsent):
            self.writer.now(frames.frame(frames.CANCEL, 0, call_id, b"\x01"))
        if isinstance(call, Stream):
            call.over()
        if not self._calls:
            for idle in self._idle:
                if not idle.done():
                    idle.set_result(None)
        return call

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self.writer = Writer(transport)
        self._assembler = Assembler(self)
        self._reader = FrameReader(self._assembler.frame)
        uptime_ms = int(time.monotonic() * 1_000)
        self.writer.now(frames.PREFACE + frames.hello(1, frames.MESSAGE_BYTES, 4_096, uptime_ms, ["deflate"]))
        self._keepalive = self._loop.create_task(self._watch())

    def data_received(self, data: bytes) -> None:
        self._read_at = self._loop.time()
        if self._closing is not None:
            return
        try:
            self._reader.push(data)
        except (ProtocolError, msgpack.MalformedValue, struct.error, IndexError) as error:
            self._close_for(1, str(error))

    def eof_received(self) -> bool:
        # What is in flight can get no answer any more.
        self._fail(CallError("UNAVAILABLE", "the server has ended the connection"))
        return False

    def pause_writing(self) -> None:
        self.writer.pause()

    def resume_writing(self) -> None:
        self.writer.resume()

    def connection_lost(self, error: Optional[Exception]) -> None:
        self._keepalive.cancel()
        self._fail(self._closing or CallError("UNAVAILABLE", f"the connection is lost: {error or 'the server has ended it'}"))
        if not self.lost.done():
            self.lost.set_result(self._closing or error)

    # Frames, put together where they came in pieces.

    def announced(self, kind: int, flags: int, call_id: int, length: int) -> bool:
        """A message in pieces begins. Returns whether anybody wants it."""
        if length > 4 * frames.MESSAGE_BYTES:
            raise ProtocolError(f"a message of {length} bytes")
        call = self._calls.get(call_id)
        if kind == frames.ITEM:
            if not isinstance(call, Stream):
                self.taken(length)
                return False
            call.announced = length
        if call is not None and length > frames.MESSAGE_BYTES:
            self._too_long(call_id)
            return False
        return call is not None

    def message(self, kind: int, flags: int, call_id: int, body: bytes) -> None:
        """A whole message has come."""
        if not self.hello and kind not in (frames.HELLO, frames.GOAWAY):
            raise ProtocolError(f"the first frame is HELLO, not type {kind}")
        if kind in (frames.RESPONSE, frames.ERROR, frames.ITEM) and len(body) > frames.MESSAGE_BYTES:
            if self.announced(kind, flags, call_id, len(body)):
                self._too_long(call_id)
        elif kind == frames.HELLO:
            self._hello(body)
        elif kind == frames.PING:
            self.writer.now(frames.frame(frames.PONG, 0, 0, body))
        elif kind == frames.PONG:
            if self._pongs and not self._pongs[0].done():
                self._pongs.pop(0).set_result(None)
        elif kind == frames.GOAWAY:
            self._go_away(body)
        elif kind == frames.ITEM:
            self._item(flags, call_id, body)
        elif kind == frames.CREDIT:
            self._credit(call_id, *struct.unpack(">I", body))
        elif kind in (frames.RESPONSE, frames.END):
            call = self._calls.get(call_id)
            if call is not None:
                self._forget(call_id, cancel=False)
                self._settle(call, flags, body)
        elif kind == frames.ERROR:
            call = self._forget(call_id, cancel=False)
            if call is not None:
                call.fail(frames.call_error(flags, body))
        elif kind in (frames.REQUEST, frames.CANCEL):
            raise ProtocolError(f"frame type {kind} does not come from a server")

    def _settle(self, call: Any, flags: int, body: bytes) -> None:
        try:
            call.succeed(flags, body)
        except CallError as error:
            call.fail(error)
        except (msgpack.MalformedValue, ProtocolError, ValueError, struct.error) as error:
            call.fail(CallError("INTERNAL", f"the reply is malformed: {error}", True))

    def _item(self, flags: int, call_id: int, body: bytes) -> None:
        stream = self._calls.get(call_id)
        cost = max(1, len(body))
        if not isinstance(stream, Stream):
            # It crossed the end of its stream: dropped, but the credit of the connection must not leak away.
            self.taken(cost)
            return
        stream.announced = 0
        try:
            payload = inflate(body) if flags & frames.COMPRESSED else body
            stream.push(msgpack.decode(payload) if payload else msgpack.UNDEFINED, cost)
        except (msgpack.MalformedValue, CallError) as error:
            self.taken(cost)
            self.give_up(call_id)
            stream.fail(CallError("INTERNAL", f"an item is malformed: {error}", True))

    def _too_long(self, call_id: int) -> None:
        call = self._forget(call_id, cancel=True)
        call.fail(CallError("RESOURCE_EXHAUSTED", f"the server sends more than {frames.MESSAGE_BYTES} bytes", True))

    def _credit(self, call_id: int, credit: int) -> None:
        if credit == 0:
            raise ProtocolError("a CREDIT of 0")
        stream = self._calls.get(call_id)
        if call_id == 0:
            self.send_balance += credit
        elif isinstance(stream, Stream):
            stream.send_balance += credit
        self.wake()

    def _hello(self, body: bytes) -> None:
        if self.hello:
            raise ProtocolError("a second HELLO")
        self.hello = msgpack.decode(body)
        stream_credit = self.hello.get("streamCredit", frames.STREAM_CREDIT)
        self.send_balance += self.hello.get("connectionCredit", frames.CONNECTION_CREDIT) - frames.CONNECTION_CREDIT
        for stream in self._calls.values():
            if isinstance(stream, Stream):
                stream.send_balance += stream_credit - self.stream_credit
        self.stream_credit = stream_credit
        self.greeted.set_result(None)
        self.wake()

    def _go_away(self, body: bytes) -> None:
        code, reason = (body[0], body[1:].decode("utf-8", "replace")) if body else (0, "")
        if code == 0:
            self._draining = True
            if not self._calls:
                self._end()
            return
        self._closing = CallError("UNAVAILABLE", f"closed by the server ({code}): {reason}", False if code in (3, 5) else None)
        self._fail(self._closing)
        self._transport.close()

    # Ends.

    def _end(self) -> None:
        if self._transport.is_closing() or self.writer.has_ended:
            return
        self.writer.has_ended = True
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            # TLS in asyncio has no half-close, and nothing is awaited any more.
            self._transport.close()

    def _fail(self, error: Exception) -> None:
        if not self.greeted.done():
            self.greeted.set_exception(error)
        self._draining = True
        for call_id in list(self._calls):
            call = self._calls.pop(call_id)
            call.fail(error)
            if isinstance(call, Stream):
                call.over()
        for pong in self._pongs:
            if not pong.done():
                pong.set_exception(error)
        self._pongs.clear()
        for idle in self._idle:
            if not idle.done():
                idle.set_result(None)
        self.writer.stop()
        self.wake()

    def _close_for(self, code: int, reason: str) -> None:
        """Says why, ends this side, and goes on reading for a while, since what is unread would turn the end into a reset."""
        self._closing = ProtocolError(reason)
        self.writer.now(frames.frame(frames.GOAWAY, 0, 0, bytes([code]) + reason.encode("utf-8")[:900]))
        self._fail(self._closing)
        self._end()
        self._loop.call_later(LINGER_S, self._transport.abort)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(1)
            silence = self._loop.time() - self._read_at
            if silence > 2 * SILENCE_S:
                self._closing = CallError("UNAVAILABLE", f"the server has been silent for {silence:.0f} s")
                self._transport.abort()
            elif silence > SILENCE_S:
                self.writer.now(frames.frame(frames.PING, 0, 0, b"keepaliv"))


def inflate(payload: bytes) -> bytes:
    """The bytes of a compressed payload. Raises CallError when they are not what was announced."""
    (length,) = struct.unpack_from(">I", payload)
    if length > frames.MESSAGE_BYTES:
        raise CallError("RESOURCE_EXHAUSTED", f"{length} bytes come out of a compressed payload", True)
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(payload[4:], length + 1)
    except zlib.error as error:
        raise CallError("INTERNAL", f"a compressed payload: {error}", True) from error
    if len(data) != length or not inflater.eof:
        raise CallError("INTERNAL", "a compressed payload has another length than announced", True)
    return data


def await_quietly(task: asyncio.Future) -> None:
    """What becomes of it is told elsewhere, or of no interest any more."""
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
