import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer as createSocketServer } from 'node:net';
import {
  createClient,
  createServer,
  defineService,
  direct,
  memory,
  messagePackRpc,
  method,
  notify,
  RpcError,
  type Server,
} from '@org/rpc';

/** What both sides serve, under names that all of the libraries can have. */
const Peer = defineService('Peer', {
  Echo: method<(value: unknown) => unknown>({ timeoutMs: 5_000 }),
  Odd: method<(nothing?: unknown) => unknown>({ timeoutMs: 5_000 }),
  Fail: method<(nothing?: unknown) => void>({ timeoutMs: 5_000 }),
  Note: notify<(value: unknown) => void>(),
  Noted: method<() => number>({ timeoutMs: 5_000 }),
});

/** Answers by case: `ok`, or what happened instead. */
export type Answers = ReadonlyMap<string, string>;

/** Lets a library call a server of ours. */
export async function theyCall(command: readonly string[]): Promise<Answers> {
  const server = peerServer();
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const tap = await listenBetween(port);
  try {
    const child = start(command, 'client', tap.port);
    const output = readAll(child);
    const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
    await once(child, 'close');
    clearTimeout(timer);
    const lines = (await output).split('\n').filter((line) => line.includes('\t'));
    const answers = new Map(lines.map((line) => line.split('\t', 2) as [string, string]));
    answers.set('first id', tap.firstId());
    return answers;
  } finally {
    tap.close();
    await server.close({ drainMs: 0, graceMs: 0 });
  }
}

/** Calls a server of the library with a client of ours. */
export async function weCall(command: readonly string[]): Promise<Answers> {
  const port = await freePort();
  let child = start(command, 'server', port);
  const answers = new Map<string, string>();
  const client = createClient({ registry: direct([`127.0.0.1:${port}`]), protocol: messagePackRpc(), retry: false });
  try {
    await once(child.stdout!, 'data');
    const peer = client.service(Peer).with({ waitForReady: true });
    const same = async (value: unknown, expected = value): Promise<void> => expect(await peer.Echo(value), expected);
    const cases: Readonly<Record<string, () => Promise<void>>> = {
      call: () => same('hi'),
      'integer key': () => same(new Map([[1, 'a']])),
      'reads an integer key': async () => expect(await peer.Odd(null), new Map([[1, 'a']])),
      'bin key': () => same(new Map([[Buffer.from('k'), 'a']])),
      'nil key': () => same(new Map([[null, 'a']])),
      'array key': () => same(new Map([[[1, 2], 'a']])),
      error: async () => {
        const error = await peer.Fail(null).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        if (!(error instanceof RpcError) || error.code !== 'NOT_FOUND') throw error ?? new Error('it did not fail');
      },
      'still there': () => same(2),
      // A library without notifications may end the connection.
      notify: async () => {
        await peer.Note(1);
        // Some run it beside the calls that follow.
        let noted = 0;
        for (let asked = 0; asked < 50 && noted === 0; asked++) noted = await peer.Noted();
        expect(noted, 1);
      },
    };
    for (const [name, run] of Object.entries(cases)) {
      const answer = await run().then(
        () => 'ok',
        (error: Error) => error.message,
      );
      // A process that dies of what it cannot read is told so, and made anew for what else there is to see.
      const hasDied = answer !== 'ok' && (await hasExited(child));
      answers.set(name, hasDied ? 'its process ended' : answer);
      if (!hasDied) continue;
      child = start(command, 'server', port);
      await once(child.stdout!, 'data');
    }
    return answers;
  } finally {
    child.kill('SIGKILL');
    await client.close();
  }
}

function peerServer(): Server {
  let noted = 0;
  return createServer({ registry: memory() }).add(Peer, {
    Echo: (value) => value,
    Odd: () => new Map([[1, 'a']]),
    Fail() {
      throw new RpcError('NOT_FOUND', 'as asked');
    },
    Note() {
      noted++;
    },
    Noted: () => noted,
  });
}

/** Compares by what is seen: a key that is an array or bytes is never the same object. */
function expect(actual: unknown, expected: unknown): void {
  const seen = (value: unknown): string =>
    JSON.stringify(value, (_, each: unknown) => (each instanceof Map ? { map: [...each] } : each));
  if (seen(actual) !== seen(expected)) throw new Error(`${seen(expected)} came back as ${seen(actual)}`);
}

function start(command: readonly string[], role: string, port: number): ChildProcess {
  const [program = '', ...args] = command;
  return spawn(program, [...args, role, String(port)], { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Whether it ends, now or in a moment: its connection goes first. */
async function hasExited(child: ChildProcess): Promise<boolean> {
  if (child.exitCode === null && child.signalCode === null)
    await once(child, 'exit', { signal: AbortSignal.timeout(500) }).catch(() => {});
  return child.exitCode !== null || child.signalCode !== null;
}

async function readAll(child: ChildProcess): Promise<string> {
  let output = '';
  for await (const text of child.stdout!.setEncoding('utf8')) output += text;
  return output;
}

/** Passes everything on, and notes the id of the first request. */
async function listenBetween(to: number): Promise<{ port: number; firstId(): string; close(): void }> {
  let first = 'none';
  const listener = createSocketServer((near) => {
    const far = connect(to, '127.0.0.1');
    near.once('data', (bytes: Buffer) => {
      if (bytes[1] === 0 && bytes[2]! < 0x80) first = String(bytes[2]);
    });
    near.pipe(far).pipe(near);
    for (const socket of [near, far]) socket.on('error', () => socket.destroy());
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return { port: (listener.address() as AddressInfo).port, firstId: () => first, close: () => listener.close() };
}

async function freePort(): Promise<number> {
  const listener = createSocketServer();
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  listener.close();
  await once(listener, 'close');
  return port;
}
