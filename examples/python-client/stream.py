"""A stream: items in both directions, each under two credits."""

import asyncio
from collections import deque
from typing import Any, Optional

import frames
from frames import CallError, ProtocolError


class Stream:
    """Iterate over the items of the server with `async for`; send those of this side with `send`, and `end` after the last one."""

    def __init__(self, connection: Any, call_id: int, send_balance: int) -> None:
        self._connection = connection
        self._id = call_id
        self._items: deque = deque()
        self._arrived = asyncio.Event()
        self._sending = asyncio.Lock()
        self._has_ended = False
        self._error: Optional[Exception] = None
        self._taken = 0
        self.send_balance = send_balance
        self.announced = 0
        self.is_over = False
        self.metadata: dict = {}
        self.opening: Optional[asyncio.Task] = None
        self.timer: Optional[asyncio.TimerHandle] = None

    async def send(self, item: Any) -> bool:
        """Sends an item as soon as the credits allow. Returns False when the call is over: nobody wants any more."""
        kind, payload = self._connection.encode_item(item)
        async with self._sending:
            await asyncio.shield(self.opening)
            await self._connection.writer.until_open()
            while not self.is_over and not (self.send_balance > 0 and self._connection.send_balance > 0):
                await self._connection.until_credit()
            if self.is_over:
                return False
            cost = max(1, len(payload))
            self.send_balance -= cost
            self._connection.send_balance -= cost
            await self._connection.writer.message(frames.ITEM, kind, self._id, payload)
        return not self.is_over

    async def end(self) -> None:
        """No more items come from this side."""
        async with self._sending:
            await asyncio.shield(self.opening)
            if not self.is_over and not self._has_ended:
                self._has_ended = True
                self._connection.writer.now(frames.frame(frames.END, 0, self._id))

    def cancel(self) -> None:
        """This side has had enough. Call it also when a stream is left that has ended, with items that are not read."""
        self._connection.give_up(self._id)
        self._drop()
        self.fail(CallError("CANCELLED", "the caller gave up"))

    def expire(self) -> None:
        """The deadline has passed, of which the server knows as well."""
        self._connection.expire(self._id)
        self._drop()
        self.fail(CallError("DEADLINE_EXCEEDED", "the stream has not ended in time"))

    def __aiter__(self) -> "Stream":
        return self

    async def __anext__(self) -> Any:
        while not self._items:
            if self._error is not None:
                raise self._error
            if self.is_over:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        item, cost = self._items.popleft()
        self._connection.taken(cost)
        if not self.is_over:
            self._taken += cost
            if self._taken >= frames.STREAM_CREDIT // 2:
                self._connection.grant(self._id, self._taken)
                self._taken = 0
        return item

    def _drop(self) -> None:
        # What nobody reads counts as taken, or the credit of the connection would leak away.
        self._connection.taken(sum(cost for _, cost in self._items))
        self._items.clear()

    # What the connection says.

    def push(self, item: Any, cost: int) -> None:
        self._items.append((item, cost))
        self._arrived.set()

    def succeed(self, flags: int, body: bytes) -> None:
        self.metadata, start = frames.reply_head(flags & frames.METADATA, body)
        if start != len(body):
            raise ProtocolError("an END with bytes that mean nothing")
        self._arrived.set()

    def fail(self, error: Exception) -> None:
        """The items that came before are still read, unless it was this side that gave up."""
        if self._error is None:
            self._error = error
        self._arrived.set()

    def over(self) -> None:
        """The call has ended, however that was."""
        self.is_over = True
        if self.timer is not None:
            self.timer.cancel()
        if self.announced > 0:
            self._connection.taken(self.announced)
            self.announced = 0
        self._arrived.set()
        self._connection.wake()
