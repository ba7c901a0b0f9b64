// npm run rolling: restarts five nodes one after the other under load, round after round. Ends with code 1 when a call has failed, or a
// one-way call was lost.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { roll } from './roll.js';

const { values } = parseArgs({
  options: {
    calls: { type: 'string', default: '1000000' },
    'per-second': { type: 'string', default: '2000' },
    nodes: { type: 'string', default: '5' },
    registry: { type: 'string' },
  },
});
const folder = mkdtempSync(join(tmpdir(), 'rolling-'));
try {
  const { byKind, told, longestStopMs, ...report } = await roll({
    registry: values.registry ?? `local:${folder}`,
    nodes: Number(values.nodes),
    perSecond: Number(values['per-second']),
    calls: Number(values.calls),
    onRestart: (restarts, made) => console.log(`${restarts} restarts, ${made} calls`),
  });
  console.table(byKind, ['made', 'failed']);
  for (const { reasons } of Object.values(byKind)) for (const reason of reasons) console.log(reason);
  console.log(
    `${report.made} calls, ${report.failed} failed; ${report.restarts} restarts, the longest stop ${Math.round(longestStopMs)} ms`,
  );
  console.log(
    `one-way calls: ${told.sent} sent, ${told.received} received; streams without end went on elsewhere ${report.moved} times`,
  );
  process.exitCode = report.failed === 0 && told.sent === told.received ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
