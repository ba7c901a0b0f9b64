"""
Makes random legal moves on one connection and looks at every outcome, so that a server shows whether it keeps to the page:

    python3 examples/python-client/moves.py --port 4399 --moves 10000 --seed 1

The server is that of test/python-client. The connection must live to the end, whatever was done on it.
"""

import argparse
import asyncio
import collections
import contextlib
import datetime
import random
import time
from typing import Any

import msgpack
import rpc
from frames import IDEMPOTENT, CallError

SERVICE = "moves"
PINGS_PER_WINDOW = 90
WINDOW_S = 10


class Mover:
    """One run: a connection, a seeded source of chance, and what was done."""

    def __init__(self, host: str, port: int, seed: int, connection: rpc.Connection) -> None:
        self.host = host
        self.port = port
        self.chance = random.Random(seed)
        self.connection = connection
        # Several bursts at once would be more calls than the server takes on a connection.
        self.burst = asyncio.Lock()
        self.refused = 0
        self.done: collections.Counter = collections.Counter()
        self._pinged_at: collections.deque = collections.deque(maxlen=PINGS_PER_WINDOW)

    def value(self, depth: int = 0) -> Any:
        chance = self.chance
        kinds = 9 if depth < 3 else 7
        kind = chance.randrange(kinds)
        if kind == 0:
            return chance.choice([None, True, False, 0.5, -1e300, "", b"", [], {}])
        if kind == 1:
            return chance.randrange(-(1 << 53) + 1, 1 << 53)
        if kind == 2:
            return chance.choice([-1, 1]) * (1 << chance.randrange(54, 200))
        if kind == 3:
            return "".join(chance.choice("abc \u00e9\u4e16\U0001f600") for _ in range(chance.randrange(60)))
        if kind == 4:
            return chance.randbytes(chance.randrange(100))
        if kind == 5:
            return datetime.datetime.fromtimestamp(chance.randrange(1 << 32), datetime.timezone.utc)
        if kind == 6:
            return {1, 2, chance.randrange(3, 1_000)}
        if kind == 7:
            return [self.value(depth + 1) for _ in range(chance.randrange(5))]
        return {f"key{i}": self.value(depth + 1) for i in range(chance.randrange(5))}

    async def pause(self) -> None:
        """Lets a random number of other moves have their turn."""
        for _ in range(self.chance.randrange(4)):
            await asyncio.sleep(0)
        if self.chance.random() < 0.2:
            await asyncio.sleep(self.chance.random() / 200)

    # Calls.

    async def echo(self) -> None:
        value = self.value()
        expect(await self.connection.call(SERVICE, "echo", value), value)

    async def echo_in_pieces(self) -> None:
        value = self.chance.randbytes(self.chance.randrange(60_000, 500_000))
        expect(await self.connection.call(SERVICE, "echo", value), value)

    async def echo_compressed(self) -> None:
        value = "so much of the same " * self.chance.randrange(1_000, 20_000)
        expect(await self.connection.call(SERVICE, "echo", value), value)

    async def metadata(self) -> None:
        sent = {"trace": str(self.chance.random()), "tenant": "\u00e9", "empty": ""}
        value, received = await self.connection.call_with_metadata(
            SERVICE, "headers", metadata=sent, priority=self.chance.randrange(256), flags=IDEMPOTENT, attempt=1
        )
        expect((value, received), (sent, {"answered": "yes"}))

    async def failing(self) -> None:
        code = self.chance.choice(["NOT_FOUND", "ABORTED", "DATA_LOSS", "RESOURCE_EXHAUSTED"])
        error = await fails(self.connection.call(SERVICE, "fail", code))
        expect((error.code, error.handler_ran, error.details), (code, True, {"code": code}))

    async def not_there(self) -> None:
        method = self.chance.choice(["nothing", "count", "x" * 200])
        error = await fails(self.connection.call(SERVICE, method, self.value()))
        expect((error.code, error.handler_ran), ("UNIMPLEMENTED", False))

    async def one_way(self) -> None:
        value = self.value() if self.chance.random() < 0.9 else bytes(100_000)
        await self.connection.notify(SERVICE, self.chance.choice(["note", "echo"]), value)

    async def one_way_to_nobody(self) -> None:
        await self.connection.notify(SERVICE, "later", self.value())

    async def expiring(self) -> None:
        error = await fails(self.connection.call(SERVICE, "sleep", 10_000, timeout=self.chance.random() / 20))
        expect(error.code, "DEADLINE_EXCEEDED")

    async def aborted(self) -> None:
        size = self.chance.choice([0, 0, 300_000])
        call = asyncio.ensure_future(self.connection.call(SERVICE, self.chance.choice(["sleep", "echo"]), 5, bytes(size)))
        await self.pause()
        call.cancel()
        await asyncio.wait([call])

    async def abort_burst(self) -> None:
        count = self.chance.randrange(100, 1_300)
        calls = [asyncio.ensure_future(self.connection.call(SERVICE, "sleep", 10_000)) for _ in range(count)]
        await self.pause()
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)

    async def ping(self) -> None:
        now = time.monotonic()
        if len(self._pinged_at) == PINGS_PER_WINDOW and now - self._pinged_at[0] < WINDOW_S:
            return
        self._pinged_at.append(now)
        await self.connection.ping()

    # Streams.

    async def read_all(self) -> None:
        count, size = self.chance.randrange(1, 30), self.chance.choice([0, 10, 5_000, 100_000])
        items = [item async for item in self.connection.stream(SERVICE, "count", count, size)]
        expect([len(item) for item in items], [size] * count)

    async def leave_early(self) -> None:
        stream = self.connection.stream(SERVICE, "endless", self.chance.choice([10, 1_000, 80_000]))
        left = self.chance.randrange(8)
        if left > 0:
            async for _ in stream:
                left -= 1
                if left == 0:
                    break
        await self.pause()
        stream.cancel()

    async def read_a_failure(self) -> None:
        items = []
        try:
            async for item in self.connection.stream(SERVICE, "breaks", 3):
                items.append(item)
        except CallError as error:
            expect((items, error.code), ([0, 1, 2], "ABORTED"))
        else:
            raise AssertionError("a stream that fails has ended well")

    async def upload(self) -> None:
        numbers = [self.chance.randrange(1_000) for _ in range(self.chance.randrange(40))]
        stream = self.connection.stream(SERVICE, "sum")
        for number in numbers:
            await stream.send(number)
            await self.pause()
        await stream.end()
        expect([item async for item in stream], [sum(numbers)])

    async def upload_large(self) -> None:
        sizes = [self.chance.randrange(200_000) for _ in range(self.chance.randrange(8))]
        stream = self.connection.stream(SERVICE, "bytes")
        for size in sizes:
            await stream.send(bytes(size))
        await stream.end()
        expect([item async for item in stream], [sum(sizes)])

    async def upload_that_is_over_early(self) -> None:
        stream = self.connection.stream(SERVICE, self.chance.choice(["first", "refuse", "absent"]))
        sending = asyncio.ensure_future(self._send_until_over(stream))
        try:
            expect([item async for item in stream], [0])
        except CallError as error:
            assert error.code in ("FAILED_PRECONDITION", "UNIMPLEMENTED"), error
        await sending

    async def _send_until_over(self, stream: Any) -> None:
        for number in range(self.chance.randrange(1, 60)):
            if not await stream.send(number if number == 0 or self.chance.random() < 0.9 else bytes(70_000)):
                return
        await stream.end()

    async def chat(self) -> None:
        stream = self.connection.stream(SERVICE, "chat")
        sent = [self.value() for _ in range(self.chance.randrange(10))]

        async def send() -> None:
            for item in sent:
                await stream.send(item)
                await self.pause()
            await stream.end()

        sending = asyncio.ensure_future(send())
        expect([item async for item in stream], sent)
        await sending

    async def ends_that_race(self) -> None:
        """Both sides end at about the same time, and whatever is still on its way must do no harm."""
        most = self.chance.randrange(4)
        stream = self.connection.stream(SERVICE, "short", most)
        for number in range(most + self.chance.randrange(3)):
            if not await stream.send(number):
                break
        await stream.end()
        if self.chance.random() < 0.3:
            await self.pause()
            stream.cancel()
            return
        items = [item async for item in stream]
        assert len(items) <= most, items

    async def stream_that_expires(self) -> None:
        stream = self.connection.stream(SERVICE, "endless", 1_000, timeout=self.chance.random() / 20)
        try:
            async for _ in stream:
                await self.pause()
        except CallError as error:
            expect(error.code, "DEADLINE_EXCEEDED")
        else:
            raise AssertionError("an endless stream has ended")

    async def stream_burst(self) -> None:
        streams = [self.connection.stream(SERVICE, "endless", 1_000) for _ in range(self.chance.randrange(100, 1_300))]
        await self.pause()
        for stream in streams:
            stream.cancel()

    async def expiring_burst(self) -> None:
        timeout = 0.02 + self.chance.random() / 20
        count = self.chance.randrange(100, 1_000)
        streams = [self.connection.stream(SERVICE, "endless", 1_000, timeout=timeout) for _ in range(count)]
        for stream in streams:
            try:
                async for _ in stream:
                    pass
            except CallError as error:
                expect(error.code, "DEADLINE_EXCEEDED")

    async def failing_uploads(self) -> None:
        streams = [self.connection.stream(SERVICE, "refuse") for _ in range(self.chance.randrange(100, 1_500))]
        await asyncio.gather(*(self._upload_in_vain(stream) for stream in streams))

    async def _upload_in_vain(self, stream: Any) -> None:
        await stream.send(1)
        await stream.end()
        error = await fails(stream.__anext__())
        assert error.code in ("FAILED_PRECONDITION", "RESOURCE_EXHAUSTED"), error

    # Other connections.

    async def half_close(self) -> None:
        """A connection of its own: its side ends while calls run and items come, and all is answered."""
        other = await rpc.connect(self.host, self.port)
        calls = [asyncio.ensure_future(other.call(SERVICE, "sleep", self.chance.randrange(20), i)) for i in range(5)]
        stream = other.stream(SERVICE, "count", 10, 1_000)
        await stream.end()
        await other.half_close()
        expect(await asyncio.gather(*calls), list(range(5)))
        expect(len([item async for item in stream]), 10)
        await other.lost


USUAL = """echo echo echo echo_in_pieces echo_compressed metadata failing not_there one_way one_way_to_nobody expiring aborted aborted ping
read_all leave_early leave_early read_a_failure upload upload_large upload_that_is_over_early chat ends_that_race ends_that_race
stream_that_expires""".split()
BURSTS = "abort_burst stream_burst expiring_burst failing_uploads".split()
RARE = [*BURSTS, "half_close"]
RARE_SHARE = 0.01
WORKERS = 24


def expect(actual: Any, expected: Any) -> None:
    if actual != expected:
        raise AssertionError(f"expected {str(expected)[:200]}, not {str(actual)[:200]}")


async def fails(call: Any) -> CallError:
    try:
        await call
    except CallError as error:
        if is_refusal(error):
            raise
        return error
    raise AssertionError("a call that fails has succeeded")


def is_refusal(error: Any) -> bool:
    return isinstance(error, CallError) and error.code == "RESOURCE_EXHAUSTED" and error.handler_ran is False


async def run(arguments: argparse.Namespace) -> None:
    connection = await rpc.connect(arguments.host, arguments.port, compress_from=2_000)
    mover = Mover(arguments.host, arguments.port, arguments.seed, connection)
    without = set(arguments.without)
    usual, rare = ([name for name in names if name not in without] for names in (USUAL, RARE))
    left = arguments.moves

    async def work() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            is_rare = rare and mover.chance.random() < RARE_SHARE
            name = mover.chance.choice(rare if is_rare else usual)
            try:
                async with mover.burst if name in BURSTS else contextlib.nullcontext():
                    await getattr(mover, name)()
            except Exception as error:
                # The handlers of an earlier burst may not have ended yet: such a refusal costs nobody but its own call.
                if not (is_refusal(error) or is_refusal(error.__context__)):
                    await stop(name, error)
                mover.refused += 1
            else:
                mover.done[name] += 1

    async def stop(name: str, error: Exception) -> None:
        nonlocal left
        left = 0
        # Whatever fails when the connection goes, that it went is the news.
        await asyncio.wait([connection.lost], timeout=0.5)
        news = f"the connection is lost: {connection.lost.result()}" if connection.lost.done() else error
        raise AssertionError(f"{name}, after {sum(mover.done.values())} moves: {news}") from error

    await asyncio.gather(*(work() for _ in range(WORKERS)))
    await connection.close()
    if connection.lost.result() is not None:
        raise AssertionError(f"the connection is lost: {connection.lost.result()}")
    for name, count in sorted(mover.done.items()):
        print(f"{count:6} {name}")
    print(f"{mover.refused:6} refused, since too many calls were running")
    print(f"{sum(mover.done.values()) + mover.refused} moves, 0 connections lost")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Makes random legal moves on one connection.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--moves", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without", nargs="*", default=[], help="moves that are left out")
    asyncio.run(run(parser.parse_args()))
