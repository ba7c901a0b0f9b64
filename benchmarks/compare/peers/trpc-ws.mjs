import { createTRPCClient, createWSClient, wsLink } from '@trpc/client';
import { initTRPC, TRPCError } from '@trpc/server';
import { applyWSSHandler } from '@trpc/server/adapters/ws';
import { WebSocket, WebSocketServer } from 'ws';
import { NO_SUCH } from '../values.mjs';

export const title = 'tRPC, WebSocket';
export const note = '`wsLink` over one WebSocket of `ws`';
export const packages = ['@trpc/server', 'ws'];
export const can = ['object', 'text', 'sum', 'errors'];

const t = initTRPC.create();
const plain = (value) => value;
const router = t.router({
  echo: t.procedure.input(plain).query(({ input }) => input),
  sum: t.procedure.input(plain).query(({ input }) => input.x + input.y),
  checked: t.procedure.input(plain).query(({ input }) => {
    if (input.x === 0) throw new TRPCError({ code: 'INTERNAL_SERVER_ERROR', message: NO_SUCH });
    return input.x + input.y;
  }),
});

export async function serve(port) {
  const wss = new WebSocketServer({ port, host: '127.0.0.1' });
  applyWSSHandler({ wss, router });
  await new Promise((resolve) => wss.once('listening', resolve));
}

export async function connect([port]) {
  globalThis.WebSocket ??= WebSocket;
  const client = createTRPCClient({
    links: [wsLink({ client: createWSClient({ url: `ws://127.0.0.1:${port}`, WebSocket }) })],
  });
  return {
    object: (value) => client.echo.query(value),
    text: (value) => client.echo.query(value),
    sum: (x, y) => client.sum.query({ x, y }),
    checked: (x, y) => client.checked.query({ x, y }),
  };
}
