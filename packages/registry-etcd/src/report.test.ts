import assert from 'node:assert/strict';
import type { RegistryEvent } from '@org/rpc-registry';
import { EtcdError, type EtcdErrorKind } from './client/etcd-port.js';
import { createReport, Outage } from './report.js';

describe('Outage', () => {
  function create() {
    const events: RegistryEvent[] = [];
    const outage = new Outage((event) => events.push(event), 'watching greeter', 'greeter');
    const fail = (...kinds: EtcdErrorKind[]): void => {
      for (const kind of kinds) outage.failed(new EtcdError(kind, `it is ${kind}`));
    };
    return { outage, fail, told: () => events.map(({ kind, message }) => `${kind}: ${message}`) };
  }

  it('says nothing of a single failure', () => {
    const { outage, fail, told } = create();
    for (let i = 0; i < 5; i++) {
      fail('unavailable');
      outage.succeeded();
    }
    assert.deepEqual(told(), []);
  });

  it('tells once that it began and once that it is over', () => {
    const { outage, fail, told } = create();
    fail('unavailable', 'unavailable', 'deadline', 'unavailable');
    outage.succeeded();
    outage.succeeded();
    assert.deepEqual(told(), [
      'unreachable: watching greeter: it is unavailable',
      'recovered: watching greeter: etcd answers again',
    ]);
  });

  it('tells anew when the trouble is another one', () => {
    const { fail, told } = create();
    fail('unavailable', 'unavailable', 'denied', 'denied');
    assert.deepEqual(told(), [
      'unreachable: watching greeter: it is unavailable',
      'unreachable: watching greeter: it is denied',
    ]);
  });
});

describe('createReport', () => {
  it('keeps what an observer throws away from whoever reports, and shows it as a warning', async () => {
    const warned = new Promise((resolve) => process.once('warning', resolve));
    const report = createReport(() => {
      throw new Error('of the observer');
    });
    report({ kind: 'lost', message: 'x' });
    assert.match(String(await warned), /of the observer/);
  });

  it('escapes what others wrote, so that nobody forges a line of a log', () => {
    const messages: string[] = [];
    const report = createReport(({ message }) => void messages.push(message));
    report({ kind: 'invalidEntry', message: 'key \u001b[31m\r\nforged \u009b \u202e \u2066 is skipped' });
    assert.deepEqual(messages, ['key \\u001b[31m forged \\u009b \\u202e \\u2066 is skipped']);
  });

  it('does nothing without an observer', () => {
    createReport(undefined)({ kind: 'lost', message: 'x' });
  });
});
