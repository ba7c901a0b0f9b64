import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { DEFAULT_LIMITS } from '@org/rpc-core';
import type { MeasuredItems } from '../../../test/waiting-items-child.js';

const CHILD = fileURLToPath(new URL('../../../test/waiting-items-child.ts', import.meta.url));
/** How far the memory held may exceed the bytes that may wait, because V8 and the streams take memory too. */
const ABOVE = 1.5;
/** The memory of a call and its stream. */
const STREAM_BYTES = 8 * 1024;

describe('items that nobody reads, measured', () => {
  it('take no more memory than the limits allow, whatever they are, on as many streams as there may be', async function () {
    this.timeout(600_000);
    const node = ['--expose-gc', '--import=tsx', '--conditions=@org/source', CHILD];
    const { stdout } = await promisify(execFile)(process.execPath, node);
    const all = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as MeasuredItems);
    assert.ok(all.length > 10);
    const { inFlightRequestBytes, connectionCreditBytes, messageBytes } = DEFAULT_LIMITS;
    for (const measured of all) {
      const most =
        ABOVE * (inFlightRequestBytes + connectionCreditBytes + messageBytes) + STREAM_BYTES * measured.streams;
      assert.ok(measured.sentBytes >= connectionCreditBytes / 2, JSON.stringify(measured));
      assert.ok(measured.heldBytes <= most, `${most} bytes are allowed: ${JSON.stringify(measured)}`);
    }
  });
});
