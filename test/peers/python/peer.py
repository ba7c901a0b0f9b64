"""msgpack-rpc-python: `client PORT` calls Peer and prints a line for each case, `server PORT` is called."""

import sys

import msgpackrpc

CASES = {
    "call": lambda client: same(client, "hi"),
    "integer key": lambda client: same(client, {1: "a"}),
    "bin key": lambda client: same(client, {b"k": "a"}),
    "nil key": lambda client: same(client, {None: "a"}),
    "error": lambda client: error(client, "Peer.Fail", "NOT_FOUND"),
    "unknown method": lambda client: error(client, "Peer.Nothing", "UNIMPLEMENTED"),
    "notify": lambda client: notify(client),
    "still there": lambda client: same(client, 2),
    # The library cannot read one, and its connection is of no use after that.
    "array key": lambda client: same(client, {(1, 2): "a"}),
}


def same(client, value):
    result = client.call("Peer.Echo", value)
    assert result == value, f"{value!r} came back as {result!r}"


def error(client, method, code):
    try:
        client.call(method)
    except msgpackrpc.error.RPCError as failure:
        assert code in str(failure), str(failure)
    else:
        raise AssertionError("it did not fail")


def notify(client):
    client.notify("Peer.Note", 1)
    assert client.call("Peer.Noted") == 1


class Handlers:
    def __init__(self):
        self.noted = 0
        handlers = {"Echo": lambda value: value, "Odd": lambda _: {1: "a"}, "Fail": self.fail, "Note": self.note, "Noted": self.count}
        for name, run in handlers.items():
            setattr(self, f"Peer.{name}", run)

    def fail(self, _):
        raise ValueError("NOT_FOUND: as asked")

    def note(self, _):
        self.noted += 1

    def count(self):
        return self.noted


def run_client(port):
    client = msgpackrpc.Client(msgpackrpc.Address("127.0.0.1", port), timeout=3, unpack_encoding="utf-8")
    for name, case in CASES.items():
        try:
            case(client)
            print(f"{name}\tok", flush=True)
        except Exception as failure:
            print(f"{name}\t{failure}".replace("\n", " "), flush=True)


def run_server(port):
    server = msgpackrpc.Server(Handlers(), unpack_encoding="utf-8")
    server.listen(msgpackrpc.Address("127.0.0.1", port))
    print("listening", flush=True)
    server.start()


if __name__ == "__main__":
    {"client": run_client, "server": run_server}[sys.argv[1]](int(sys.argv[2]))
