import assert from 'node:assert/strict';
import { onSignals, resolveSignals } from './signals.js';

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

describe('the option signals', () => {
  it('is a list of names, or names with the times of the stop', () => {
    assert.deepEqual(resolveSignals('f', undefined), { names: [] });
    assert.deepEqual(resolveSignals('f', ['SIGUSR2']), { names: ['SIGUSR2'] });
    assert.deepEqual(resolveSignals('f', { graceMs: 6_000 }), { graceMs: 6_000, names: ['SIGTERM', 'SIGINT'] });
    assert.deepEqual(resolveSignals('f', { names: ['SIGTERM'], drainMs: 0 }), { names: ['SIGTERM'], drainMs: 0 });
  });

  it('names what is wrong with it', () => {
    for (const [signals, message] of [
      [
        { names: ['SIGKILL'] },
        'f: signals.names must not hold "SIGKILL": no process can catch it; use "SIGTERM", "SIGINT"',
      ],
      [{ graceMs: -1 }, 'f: signals: graceMs must be a number from 0 to 3600000, got -1'],
      [{ grace: 1 }, 'f: signals: unknown option "grace"; did you mean "graceMs"?'],
      [
        { names: 'SIGTERM' },
        'f: signals.names must be a list of the signals of this system, such as "SIGTERM", got "SIGTERM"',
      ],
      [true, 'f: signals must be a list of signals, or { names, drainMs, graceMs }, got true'],
    ] as const)
      assert.throws(() => resolveSignals('f', signals as never), { name: 'TypeError', message });
  });
});
