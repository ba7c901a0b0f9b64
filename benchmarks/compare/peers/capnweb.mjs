import { createServer } from 'node:http';
import { newWebSocketRpcSession, RpcTarget } from 'capnweb';
import { WebSocket, WebSocketServer } from 'ws';
import { NO_SUCH } from '../values.mjs';

export const title = 'capnweb, WebSocket';
export const note = 'JSON over one WebSocket of `ws`';
export const packages = ['capnweb', 'ws'];
export const can = ['object', 'text', 'sum', 'errors'];

// It looks for the class of browsers, which Node.js has from version 22 on.
globalThis.WebSocket ??= WebSocket;

class Bench extends RpcTarget {
  echo(value) {
    return value;
  }
  sum(x, y) {
    return x + y;
  }
  checked(x, y) {
    if (x === 0) throw new Error(NO_SUCH);
    return x + y;
  }
}

export async function serve(port) {
  const http = createServer();
  new WebSocketServer({ server: http }).on('connection', (socket) => newWebSocketRpcSession(socket, new Bench()));
  await new Promise((resolve) => http.listen(port, '127.0.0.1', resolve));
}

export async function connect([port]) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const bench = newWebSocketRpcSession(socket);
  return {
    object: (value) => bench.echo(value),
    text: (value) => bench.echo(value),
    sum: (x, y) => bench.sum(x, y),
    checked: (x, y) => bench.checked(x, y),
  };
}
