"""A client written with pynvim: `pynvim-client.py PORT SOCKET`. Prints what it got as one line of JSON."""
import json
import socket
import sys

import msgpack
from pynvim import msgpack_rpc

port, path = int(sys.argv[1]), sys.argv[2]
results = {}


def failure(session, *request):
    try:
        return ['no error', session.request(*request)]
    except Exception as error:
        return str(error)


# Opening a session sends the notification nvim_set_client_info, whose name is bytes and which the server does not know.
session = msgpack_rpc.tcp_session('127.0.0.1', port)
session.error_wrapper = Exception
results['bytes'] = session.request(b'users.get', 7)
results['text'] = session.request('users.get', 8)
results['bare'] = session.request('get', 9)
results['not found'] = failure(session, 'users.get', 0)
results['unknown'] = failure(session, 'users.nope')
value = [None, True, -5, 2 ** 40, 1.5, 'h\u00e9', b'\x00\xff', {'a': [{}]}, []]
results['echo'] = session.request('users.echo', value) == value
session.request('users.seen', 'notified', async_=True)
results['seen'] = session.request('users.all')
session.close()

# Without the synchronous layer: all are sent at once, and the first is answered last.
answers = []
session = msgpack_rpc.tcp_session('127.0.0.1', port)
pipelined = session._async_session


def gather(name):
    def answered(error, result):
        answers.append([name, error, result])
        if len(answers) == 502:
            pipelined.stop()

    return answered


pipelined.request('users.held', [], gather('held'))
for number in range(1, 501):
    pipelined.request('users.get', [number], gather(number))
pipelined.request('users.release', [], gather('release'))
pipelined.run(None, None)
results['pipelined'] = [len(answers), answers[0], answers[-3], sorted(name for name, _, _ in answers[-2:])]
session.close()

session = msgpack_rpc.socket_session(path)
results['socket'] = session.request('users.get', 10)
session.close()

# Nothing but msgpack: the highest id, an extension type, a message in pieces, two messages in one.
raw = socket.create_connection(('127.0.0.1', port))
unpacker = msgpack.Unpacker()
first = msgpack.packb([0, 2 ** 32 - 1, 'users.echo', [msgpack.ExtType(5, b'abc')]])
for byte in range(len(first)):
    raw.sendall(first[byte:byte + 1])
raw.sendall(msgpack.packb([0, 1, b'get', [1]]) + msgpack.packb([0, 2, 'get', [2]]))
received = []
while len(received) < 3:
    data = raw.recv(65536)
    if not data:
        break
    unpacker.feed(data)
    received.extend(unpacker)
raw.close()
echoed = received[0]
results['raw'] = [echoed[:3], echoed[3] == msgpack.ExtType(5, b'abc'), received[1:]]

print(json.dumps(results))
