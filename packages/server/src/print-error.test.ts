import assert from 'node:assert/strict';
import { RpcError } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { connect } from '@org/rpc-testkit';
import { Work } from '../test/bench.js';
import { createServer } from './face/server.js';

/** What is written to stderr while `run` runs. */
async function printed(run: () => Promise<void>): Promise<string> {
  const { write } = process.stderr;
  let text = '';
  process.stderr.write = (chunk: unknown): boolean => {
    text += chunk;
    return true;
  };
  try {
    await run();
  } finally {
    process.stderr.write = write;
  }
  return text;
}

async function failing(error: unknown, listens: boolean, name?: string): Promise<string> {
  const fail = (): never => {
    throw error;
  };
  const server = createServer({ registry: memory() }).add(Work, { run: fail, safe: fail, tell: fail });
  if (listens) server.on('handlerError', () => {});
  await using client = connect(server, { name });
  return await printed(() => assert.rejects(client.service(Work).run(), { code: 'INTERNAL' }));
}

function fail(): never {
  throw new RpcError('UNAVAILABLE', 'down');
}

describe('the error of a handler', () => {
  it('is printed where nobody listens to handlerError, with its id, stack and causes', async () => {
    const text = await failing(new Error('no connection', { cause: new Error('the disk is full') }), false);
    assert.match(
      text,
      /^\[rpc\] handler work\.run at \[\w+\] failed \(\w{19}, called by \w{19}\): Error: no connection\n {4,}at /,
    );
    assert.match(text, /\n {4}caused by: Error: the disk is full\n {4,}at /);
  });

  it('is printed with the name of who called', async () => {
    assert.match(
      await failing('late', false, 'web'),
      /^\[rpc\] handler work\.run at \[\w+\] failed \(\w{19}, called by web\): 'late'\n$/,
    );
  });

  it('is one line where it is that of a call which the handler made: where these packages have it from helps nobody', async () => {
    await using back = connect(createServer({ registry: memory() }).add(Work, { run: fail, safe: fail, tell: fail }));
    const server = createServer({ registry: memory() });
    server.add(Work, { run: () => back.service(Work).run(), safe: fail, tell: fail });
    await using front = connect(server);
    const text = await printed(() => assert.rejects(front.service(Work).run()));
    assert.match(text, /\(\w{19}, called by \w{19}\): RpcError: UNAVAILABLE: down \(work\.run at .+\)\n$/);
    assert.equal(text.trimEnd().split('\n').length, 1, text);
  });

  it('is printed whatever was thrown', async () => {
    assert.match(
      await failing('just a text', false),
      /^\[rpc\] handler work\.run at \[\w+\] failed \(\w{19}, called by \w{19}\): 'just a text'\n$/,
    );
    assert.match(
      await failing(Object.create(null), false),
      /^\[rpc\] handler work\.run at \[\w+\] failed \(\w{19}, called by \w{19}\): .+\n$/,
    );
  });

  it('cannot look like another line of the log', async () => {
    const text = await failing(new Error('x\n[rpc] handler bank.pay failed (1): all money is gone'), false);
    assert.equal(text.match(/^\[rpc\]/gm)?.length, 1);
  });

  it('is cut when it is very long', async () => {
    assert.ok((await failing('x'.repeat(100_000), false)).length < 10_000);
  });

  it('is not printed where somebody listens', async () => {
    assert.equal(await failing(new Error('no connection'), true), '');
  });
});
