import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import * as entry from '@org/rpc/msgpackr';

const run = promisify(execFile);

describe('@org/rpc/msgpackr', () => {
  it('has the codec and nothing else', () => assert.deepEqual(Object.keys(entry), ['msgpackrCodec']));

  it('is the only entry that needs msgpackr, and says so where that is not installed', async () => {
    const hooks = `export async function resolve(specifier, context, next) {
      if (specifier !== 'msgpackr') return next(specifier, context);
      throw Object.assign(new Error("Cannot find package 'msgpackr'"), { code: 'ERR_MODULE_NOT_FOUND' });
    }`;
    const script = `
      import { register } from 'node:module';
      register('data:text/javascript,' + ${JSON.stringify(encodeURIComponent(hooks))});
      const { msgpack } = await import('@org/rpc');
      const reason = await import('@org/rpc/msgpackr').then(() => 'loaded', (error) => error.message);
      console.log(JSON.stringify([msgpack().name, reason]));
    `;
    const flags = ['--import', 'tsx', '--conditions=@org/source', '--input-type=module', '--eval', script];
    const { stdout } = await run(process.execPath, flags, { timeout: 9_000 });
    assert.deepEqual(JSON.parse(stdout), ['msgpack', "Cannot find package 'msgpackr'"]);
  });
});
