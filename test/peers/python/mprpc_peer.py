"""mprpc: `client PORT` calls Peer and prints a line for each case, `server PORT` is called."""

import sys

from gevent.server import StreamServer
from mprpc import RPCClient, RPCServer


class Handlers(RPCServer):
    pass


noted = []


def fail(*_):
    raise ValueError("NOT_FOUND: as asked")


HANDLERS = {
    "Echo": lambda self, value: value,
    "Odd": lambda self, *_: {1: "a"},
    "Fail": fail,
    "Note": lambda self, value: noted.append(value),
    "Noted": lambda self: len(noted),
}
for name, run in HANDLERS.items():
    setattr(Handlers, f"Peer.{name}", run)


def same(client, value):
    result = client.call("Peer.Echo", value)
    assert result == value, f"{value!r} came back as {result!r}"


def error(client, method, code):
    try:
        client.call(method)
    except Exception as failure:
        assert code in str(failure), str(failure)
    else:
        raise AssertionError("it did not fail")


CASES = {
    "call": lambda client: same(client, "hi"),
    "integer key": lambda client: same(client, {1: "a"}),
    "bin key": lambda client: same(client, {b"k": "a"}),
    "nil key": lambda client: same(client, {None: "a"}),
    "error": lambda client: error(client, "Peer.Fail", "NOT_FOUND"),
    "unknown method": lambda client: error(client, "Peer.Nothing", "UNIMPLEMENTED"),
    "still there": lambda client: same(client, 2),
}


def run_client(port):
    options = {"unpack_params": {"strict_map_key": False}}
    client = RPCClient("127.0.0.1", port, timeout=3, **options)
    for name, case in CASES.items():
        try:
            case(client)
            print(f"{name}\tok", flush=True)
        except Exception as failure:
            print(f"{name}\t{failure}".replace("\n", " "), flush=True)


def run_server(port):
    server = StreamServer(("127.0.0.1", port), Handlers(unpack_params={"strict_map_key": False}))
    server.start()
    print("listening", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    {"client": run_client, "server": run_server}[sys.argv[1]](int(sys.argv[2]))
