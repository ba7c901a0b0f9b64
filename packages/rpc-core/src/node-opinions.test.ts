import assert from 'node:assert/strict';
import { answerOpinions, askOpinions, type NodeOpinion } from './node-opinions.js';

function opinion(client: string): NodeOpinion {
  return { client, service: 'shop', instance: 'one', endpoint: 'h:1', isAvoided: true, reasons: ['it is slow'] };
}

describe('what clients have against instances', () => {
  it('is told by all clients that answer, within a bound, and by none that has stopped', () => {
    const names = () =>
      askOpinions(3)
        .map(({ client }) => client)
        .filter((name) => /^[ab]\d$/.test(name));
    const stops = ['a', 'b'].map((name) => answerOpinions(() => [opinion(`${name}1`), opinion(`${name}2`)]));
    assert.deepEqual(names(), ['a1', 'a2', 'b1']);
    stops[0]!();
    stops[0]!();
    assert.deepEqual(names(), ['b1', 'b2']);
    stops[1]!();
    assert.deepEqual(names(), []);
  });
});
