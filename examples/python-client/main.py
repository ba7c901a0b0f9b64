"""
Calls the service of test/python-client, and prints what comes:

    python3 examples/python-client/main.py --port 4399
"""

import argparse
import asyncio

import rpc
from frames import CallError


async def main(host: str, port: int) -> None:
    connection = await rpc.connect(host, port)
    print("greeted by protocol version", connection.hello["version"])

    # Any number of calls at once, in any order of their answers.
    slow, fast = await asyncio.gather(
        connection.call("moves", "sleep", 50, "slow", timeout=5), connection.call("moves", "echo", {"list": [1.5, -7, None]})
    )
    print("two calls at once:", slow, fast)

    large = await connection.call("moves", "echo", bytes(1_000_000))
    print("in pieces:", len(large), "bytes")

    try:
        await connection.call("moves", "fail", "NOT_FOUND")
    except CallError as error:
        print("a failing call:", error, error.handler_ran, error.details)
    try:
        await connection.call("moves", "sleep", 60_000, timeout=0.05)
    except CallError as error:
        print("a slow call:", error.code)

    sizes = [len(item) async for item in connection.stream("moves", "count", 100, 40_000)]
    print("a stream:", len(sizes), "items", sum(sizes), "bytes")

    upload = connection.stream("moves", "sum")
    for number in range(1, 101):
        await upload.send(number)
    await upload.end()
    print("an upload:", [item async for item in upload])

    chat = connection.stream("moves", "chat")
    await chat.send("hello")
    print("both ways:", await chat.__anext__())
    chat.cancel()

    await connection.ping()
    print("pinged")
    await connection.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Calls a server over the native protocol.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.host, arguments.port))
