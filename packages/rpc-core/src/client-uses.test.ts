import assert from 'node:assert/strict';
import { answerUses, askUses, type ClientUse } from './client-uses.js';

function uses(client: string): ClientUse[] {
  return ['shop', 'stock'].map((service) => ({ client, service, hasCalled: service === 'shop' }));
}

describe('which services clients have open', () => {
  it('is told by all clients that answer, within a bound, and by none that has stopped', () => {
    const pairs = () => askUses(3).map(({ client, service }) => `${client} ${service}`);
    const stops = ['till', 'gate'].map((client) => answerUses(() => uses(client)));
    assert.deepEqual(pairs(), ['till shop', 'till stock', 'gate shop']);
    stops[0]!();
    stops[0]!();
    assert.deepEqual(pairs(), ['gate shop', 'gate stock']);
    stops[1]!();
    assert.deepEqual(pairs(), []);
  });
});
