import { spawn } from 'node:child_process';
import { connect as dial, headers } from '@nats-io/transport-node';
import { NO_SUCH } from '../values.mjs';

export const title = 'NATS, request/reply';
export const note = "JSON; the CPU of its broker counts as the server's";
export const packages = ['@nats-io/transport-node'];
export const can = ['object', 'text', 'sum', 'binary', 'mixed', 'errors'];
/** Found on PATH: Debian\'s package of the same name. */
export const needs = 'nats-server';

const LARGEST = '8MB';
const ERROR = 'Nats-Service-Error';

export async function serve(port) {
  const broker = spawn('nats-server', ['-a', '127.0.0.1', '-p', String(port), '-c', await configuration()], {
    stdio: 'ignore',
  });
  process.on('exit', () => broker.kill('SIGKILL'));
  const connection = await eventually(() => dial({ servers: `127.0.0.1:${port}` }));
  const answer = (subject, handle) =>
    connection.subscribe(subject, { callback: (_error, message) => message.respond(handle(message)) });
  answer('object', (message) => JSON.stringify(message.json()));
  answer('text', (message) => JSON.stringify(message.json()));
  answer('binary', (message) => message.data);
  answer('sum', (message) => {
    const { x, y } = message.json();
    return JSON.stringify(x + y);
  });
  // As its framework for services tells errors.
  const wrong = headers();
  wrong.set(ERROR, NO_SUCH);
  connection.subscribe('checked', {
    callback: (_error, message) => {
      const { x, y } = message.json();
      if (x === 0) message.respond('', { headers: wrong });
      else message.respond(JSON.stringify(x + y));
    },
  });
  await connection.flush();
  return { pids: [broker.pid] };
}

async function configuration() {
  const { mkdtempSync, writeFileSync } = await import('node:fs');
  const { tmpdir } = await import('node:os');
  const { join } = await import('node:path');
  const path = join(mkdtempSync(join(tmpdir(), 'bench-nats-')), 'nats.conf');
  writeFileSync(path, `max_payload: ${LARGEST}\n`);
  return path;
}

async function eventually(attempt) {
  for (let left = 50; ; left--) {
    try {
      return await attempt();
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

export async function connect([port]) {
  const connection = await dial({ servers: `127.0.0.1:${port}` });
  const options = { timeout: 10_000 };
  const call = async (subject, value) => (await connection.request(subject, JSON.stringify(value), options)).json();
  return {
    object: (value) => call('object', value),
    text: (value) => call('text', value),
    binary: async (value) => (await connection.request('binary', value, options)).data,
    sum: (x, y) => call('sum', { x, y }),
    checked: async (x, y) => {
      const answer = await connection.request('checked', JSON.stringify({ x, y }), options);
      if (answer.headers?.has(ERROR)) throw new Error(answer.headers.get(ERROR));
      return answer.json();
    },
  };
}
