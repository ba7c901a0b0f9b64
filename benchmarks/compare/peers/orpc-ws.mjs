import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/websocket';
import { ORPCError, os, type } from '@orpc/server';
import { RPCHandler } from '@orpc/server/ws';
import { WebSocket, WebSocketServer } from 'ws';
import { NO_SUCH } from '../values.mjs';

export const title = 'oRPC, WebSocket';
export const note = '`RPCLink` over one WebSocket of `ws`';
export const packages = ['@orpc/server', 'ws'];
export const can = ['object', 'text', 'sum', 'errors'];

const router = {
  echo: os.input(type()).handler(({ input }) => input),
  sum: os.input(type()).handler(({ input }) => input.x + input.y),
  checked: os.input(type()).handler(({ input }) => {
    if (input.x === 0) throw new ORPCError('INTERNAL_SERVER_ERROR', { message: NO_SUCH });
    return input.x + input.y;
  }),
};

export async function serve(port) {
  const handler = new RPCHandler(router);
  const wss = new WebSocketServer({ port, host: '127.0.0.1' });
  wss.on('connection', (socket) => handler.upgrade(socket, { context: {} }));
  await new Promise((resolve) => wss.once('listening', resolve));
}

export async function connect([port]) {
  const websocket = new WebSocket(`ws://127.0.0.1:${port}`);
  await new Promise((resolve, reject) => websocket.once('open', resolve).once('error', reject));
  const client = createORPCClient(new RPCLink({ websocket }));
  return {
    object: (value) => client.echo(value),
    text: (value) => client.echo(value),
    sum: (x, y) => client.sum({ x, y }),
    checked: (x, y) => client.checked({ x, y }),
  };
}
