import assert from 'node:assert/strict';
import { onSignals } from './signals.js';

describe('the option signals, in a process that listens itself', () => {
  it('closes on the first signal and leaves the process to who else listens', async () => {
    const heard: string[] = [];
    const own = (signal: string): void => void heard.push(`own ${signal}`);
    process.on('SIGUSR2', own);
    const before = process.listenerCount('SIGUSR2');
    let closed!: () => void;
    const stop = onSignals(['SIGUSR2'], (signal) => {
      heard.push(`close ${signal}`);
      return new Promise((resolve) => {
        closed = resolve;
      });
    });
    try {
      process.emit('SIGUSR2', 'SIGUSR2');
      process.emit('SIGUSR2', 'SIGUSR2');
      assert.deepEqual(heard, ['own SIGUSR2', 'close SIGUSR2', 'own SIGUSR2']);
      closed();
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(process.listenerCount('SIGUSR2'), before);
    } finally {
      stop();
      process.off('SIGUSR2', own);
    }
  });

  it('listens to nothing when it is not given', () => {
    const before = process.listenerCount('SIGTERM');
    onSignals([], () => Promise.resolve())();
    assert.equal(process.listenerCount('SIGTERM'), before);
  });
});
