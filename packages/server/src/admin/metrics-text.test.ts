import assert from 'node:assert/strict';
import { memory } from '@org/rpc-registry';
import { createServer } from '../face/server.js';
import { metricsText } from './metrics-text.js';

describe('the metrics of a server', () => {
  it('are in the text format of Prometheus: each name once with its help and type, then its samples', () => {
    const text = metricsText(createServer({ registry: memory() }).state());
    const help = [...text.matchAll(/^# HELP (\w+) \S.*\n# TYPE (\w+) (counter|gauge)\n/gm)];
    const names = help.map(([, name]) => name);
    assert.deepEqual(
      help.map(([, , name]) => name),
      names,
    );
    assert.equal(new Set(names).size, names.length);
    for (const line of text.trimEnd().split('\n'))
      assert.match(line, /^(# (HELP|TYPE) .+|\w+(\{\w+="[\w.-]+"\})? \d+(\.\d+)?)$/, line);
  });
});
