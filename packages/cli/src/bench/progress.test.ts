import assert from 'node:assert/strict';
import { seconds } from '../../test/report-fixture.js';
import { testTerminal } from '../../test/test-terminal.js';
import { createProgress } from './progress.js';

describe('createProgress', () => {
  it('draws one line over and over on a terminal, never wider than it, and takes it away', () => {
    const terminal = testTerminal({ errIsTerminal: true, columns: 40, environment: { NO_COLOR: '1' } });
    const progress = createProgress(terminal);
    for (const second of seconds(3)) progress.interval(second);
    progress.end();
    const drawn = terminal.errText.split('\r').slice(1);
    assert.equal(drawn.length, 4);
    assert.ok(!terminal.errText.includes('\n'));
    assert.ok(drawn.every((line) => line.replace('\u001b[K', '').length < 40));
    assert.match(drawn[0] ?? '', /^measuring 1 s +1,000 calls\/s/);
    assert.equal(drawn[3], '\u001b[K');
  });

  it('writes a plain line every five seconds elsewhere', () => {
    const terminal = testTerminal();
    const progress = createProgress(terminal);
    for (const second of seconds(12)) progress.interval(second);
    progress.end();
    const lines = terminal.errText.trimEnd().split('\n');
    assert.equal(lines.length, 2);
    assert.match(lines[0] ?? '', /^measuring 5 s +1,004 calls\/s {2}p50 1\.40 ms {2}p99 8\.00 ms$/);
  });

  it('says nothing of the rest of a second at the end', () => {
    const terminal = testTerminal({ errIsTerminal: true });
    createProgress(terminal).interval({ ...seconds(1)[0]!, durationMs: 20 });
    assert.equal(terminal.errText, '');
  });
});
