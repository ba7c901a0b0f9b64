import assert from 'node:assert/strict';
import { openShop } from './shop.js';

describe('arguments', () => {
  it('are read before the call returns, where nothing has to be waited for', async () => {
    await using open = openShop();
    await open.shop.nothing();
    const bytes = Buffer.from('abc');
    const list = [1];
    const calls = [1, 2, 3].map((i) => {
      bytes[0] = 96 + i;
      list[0] = i;
      return open.shop.echo(Buffer.from(bytes).toString(), bytes, list);
    });
    bytes.fill(0);
    list.push(9);
    const answers = (await Promise.all(calls)) as [string, Buffer, number[]][];
    assert.deepEqual(
      answers.map(([, echoed, numbers]) => [echoed.toString(), numbers]),
      [
        ['abc', [1]],
        ['bbc', [2]],
        ['cbc', [3]],
      ],
    );
  });
});
