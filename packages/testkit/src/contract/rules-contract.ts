import assert from 'node:assert/strict';
import { isRpcError, systemClock, systemRandom } from '@org/rpc-core';
import { modesOf } from '@org/rpc-core/internal';
import type { Registry, RegistryHandle, RulesReport, RulesSource, RulesStore } from '@org/rpc-registry';
import { eventually } from '../registry/snapshot-recorder.js';
import { type TestRunner, testRunner } from './test-runner.js';

/** What a contract of rules is given for one test. */
export interface RulesContractSetup {
  /** All handles that are opened from it see the same rules. It runs on the system's clock. */
  readonly registry: Registry;
  /** Removes all that the test left. Called after its handles were closed. */
  close(): Promise<void>;
}

/**
 * Declares the tests that every registry with rules passes, as a mocha suite. Nothing in them sleeps for a result: each waits
 * for what was published, or asks again.
 *
 * @param name - what the suite is called: `memory`
 * @param setup - called anew for each test
 */
export function rulesContract(name: string, setup: () => Promise<RulesContractSetup>): void {
  const runner = testRunner();
  const test: Test = (title, run) =>
    runner.it(title, async () => {
      const handles: RegistryHandle[] = [];
      const { registry, close } = await setup();
      try {
        await run(() => {
          const handle = registry.open({ namespace: 'test', clock: systemClock, random: systemRandom });
          handles.push(handle);
          assert.ok(handle.rules !== undefined && handle.rulesStore !== undefined, 'the registry has no rules');
          return { source: handle.rules, store: handle.rulesStore, handle };
        });
      } finally {
        await Promise.all(handles.map((handle) => handle.close()));
        await close();
      }
    });
  runner.describe(`the rules contract, kept by ${name}`, () => {
    writingTests(test);
    racingTests(test);
    watchingTests(test);
    reportingTests(test);
    processTests(test);
  });
}

interface Opened {
  readonly source: RulesSource;
  readonly store: RulesStore;
  readonly handle: RegistryHandle;
}

type Test = (title: string, run: (open: () => Opened) => Promise<void>) => ReturnType<TestRunner['it']>;

function writingTests(test: Test): void {
  test('there are none at first, which is said', async (open) => {
    const { source, store } = open();
    assert.equal(await store.get('shop'), undefined);
    assert.deepEqual(await store.history('shop'), []);
    assert.deepEqual(await store.reports('shop'), []);
    await follow(source, 'shop').until((text) => text === undefined);
  });

  test('they are counted from 1, whatever version the document says, and read as they were written', async (open) => {
    const { store } = open();
    const first = await store.set('shop', { schemaVersion: 1, version: 77, retry: { mode: 'on', max: 1 } }, 0);
    assert.equal(first.version, 1);
    assert.equal((await store.set('shop', { schemaVersion: 1, comment: '\u00fcmlaut' }, 1)).version, 2);
    const stored = await open().store.get('shop');
    assert.deepEqual(JSON.parse(stored?.text ?? ''), { schemaVersion: 1, version: 2, comment: '\u00fcmlaut' });
    assert.deepEqual([stored?.version, stored?.document?.comment, stored?.problem], [2, '\u00fcmlaut', undefined]);
  });

  test('they belong to one service', async (open) => {
    const { store } = open();
    await store.set('shop', DOCUMENT, 0);
    assert.equal(await store.get('shop.eu'), undefined);
    assert.equal(await store.get('sho'), undefined);
    assert.equal((await store.set('bank', DOCUMENT, 0)).version, 1);
  });

  test('they are refused when they are wrong, and nothing changes', async (open) => {
    const { store } = open();
    await assert.rejects(store.set('shop', { schemaVersion: 1, retry: { mode: 'on', max: 11 } }, 0), {
      name: 'TypeError',
      message: 'rules of "shop": retry.max must be an integer from 0 to 10, got 11',
    });
    await assert.rejects(store.set('shop', 'text', 0), TypeError);
    assert.equal(await store.get('shop'), undefined);
  });

  test('the last 50 are kept, the newest first', async (open) => {
    const { store } = open();
    for (let version = 0; version < 53; version++)
      await store.set('shop', { ...DOCUMENT, comment: `number ${version + 1}` }, version);
    const history = await store.history('shop');
    assert.deepEqual(
      history.map(({ version }) => version),
      Array.from({ length: 50 }, (_, i) => 53 - i),
    );
    assert.equal(history[49]?.document?.comment, 'number 4');
  });
}

function racingTests(test: Test): void {
  test('of two who set them at once, one hears of a conflict', async (open) => {
    const one = open().store;
    const other = open().store;
    await one.set('shop', DOCUMENT, 0);
    const outcomes = await Promise.allSettled([one.set('shop', DOCUMENT, 1), other.set('shop', DOCUMENT, 1)]);
    const lost = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
    assert.equal(lost.length, 1);
    assert.ok(isRpcError(lost[0], 'ABORTED'), String(lost[0]));
    assert.match(lost[0].reason, /the rules of "shop" were changed by somebody else/);
    assert.equal((await one.get('shop'))?.version, 2);
    assert.equal((await one.history('shop')).length, 2);
  });

  test('they are not set over what the writer has not seen', async (open) => {
    const { store } = open();
    const isConflict = (error: unknown): boolean => isRpcError(error, 'ABORTED');
    await assert.rejects(store.set('shop', DOCUMENT, 3), isConflict);
    await store.set('shop', DOCUMENT, 0);
    await assert.rejects(store.set('shop', DOCUMENT, 0), isConflict);
    await assert.rejects(store.delete('shop', 2), isConflict);
    assert.equal((await store.get('shop'))?.version, 1);
  });

  test('they go on being counted after they were deleted, and the history stays', async (open) => {
    const { store } = open();
    await store.set('shop', DOCUMENT, 0);
    await store.delete('shop', 1);
    assert.equal(await store.get('shop'), undefined);
    assert.deepEqual(
      (await store.history('shop')).map(({ version }) => version),
      [1],
    );
    assert.ok((await store.set('shop', DOCUMENT, 0)).version > 1);
  });
}

function watchingTests(test: Test): void {
  test('those who watch are told of each change and of the removal', async (open) => {
    const { source } = open();
    const { store } = open();
    const seen = follow(source, 'shop');
    await store.set('shop', DOCUMENT, 0);
    await seen.until((text) => text?.includes('"version":1') === true);
    await store.set('shop', DOCUMENT, 1);
    await seen.until((text) => text?.includes('"version":2') === true);
    await store.delete('shop', 2);
    await seen.until((text) => text === undefined);
  });

  test('a watch that is closed is told nothing more', async (open) => {
    const { source, store } = open();
    const seen = follow(source, 'shop');
    await seen.until((text) => text === undefined);
    seen.close();
    seen.close();
    const heard = seen.texts.length;
    await store.set('shop', DOCUMENT, 0);
    await follow(source, 'shop').until((text) => text !== undefined);
    assert.equal(seen.texts.length, heard);
  });
}

function reportingTests(test: Test): void {
  test('clients report on them until they take it back or go', async (open) => {
    const { store } = open();
    const { source, handle } = open();
    const other = open().source;
    const seen = async (): Promise<string> =>
      (await store.reports('shop')).map(({ instance, status }) => `${instance} ${status}`).join();
    source.report('shop', 'a', reportOf('a', 'applied'));
    other.report('shop', 'b', reportOf('b', 'rejected'));
    await comesTrue(async () => (await seen()) === 'a applied,b rejected', seen);
    assert.deepEqual(await store.reports('shop'), [reportOf('a', 'applied'), reportOf('b', 'rejected')]);
    assert.deepEqual(await store.reports('bank'), []);
    source.report('shop', 'a', reportOf('a', 'rejected'));
    await comesTrue(async () => (await seen()) === 'a rejected,b rejected', seen);
    other.report('shop', 'b', undefined);
    await comesTrue(async () => (await seen()) === 'a rejected', seen);
    await handle.close();
    await comesTrue(async () => (await seen()) === '', seen);
  });
}

function processTests(test: Test): void {
  test('clients of one name in several processes do not replace what the others say, nor those of older versions', async (open) => {
    const { store } = open();
    const { source, handle } = open();
    const other = open().source;
    const of = (process: string, status: RulesReport['status']) => ({
      ...reportOf('a', status),
      process,
      hasCalled: true,
    });
    source.report('shop', 'a@h:1', of('h:1', 'applied'));
    other.report('shop', 'a@h:2', of('h:2', 'rejected'));
    other.report('shop', 'a', reportOf('a', 'applied'));
    const seen = async (): Promise<string> =>
      (await store.reports('shop')).map(({ process, status }) => `${process} ${status}`).join();
    await comesTrue(async () => (await seen()) === 'undefined applied,h:1 applied,h:2 rejected', seen);
    assert.deepEqual((await store.reports('shop'))[1], of('h:1', 'applied'));
    await handle.close();
    await comesTrue(async () => (await seen()) === 'undefined applied,h:2 rejected', seen);
  });
}

const DOCUMENT = { schemaVersion: 1, retry: { mode: 'on', max: 1 } };

function reportOf(instance: string, status: RulesReport['status']): RulesReport {
  const policies = { ...modesOf(() => 'off'), timeout: 'on', retry: 'dark' } as const;
  const reason = status === 'rejected' ? 'retry.max is 11' : undefined;
  return { instance, status, version: 2, reason, inForce: undefined, policies, at: 1_700_000_000_000 };
}

interface Followed {
  readonly texts: (string | undefined)[];
  /** Waits until the last text that was published is as expected. */
  until(holds: (text: string | undefined) => boolean): Promise<void>;
  close(): void;
}

function follow(source: RulesSource, service: string): Followed {
  const texts: (string | undefined)[] = [];
  let told = (): void => {};
  const watch = source.watch(service, (text) => {
    texts.push(text);
    told();
  });
  return {
    texts,
    async until(holds) {
      const found = new Promise<void>((resolve) => {
        told = () => {
          if (texts.length > 0 && holds(texts.at(-1))) resolve();
        };
      });
      told();
      await eventually(found, () => `no such rules of ${service}; the last were ${texts.at(-1)}`);
    },
    close: () => watch.close(),
  };
}

/** Asks again until it holds. */
async function comesTrue(holds: () => Promise<boolean>, seen: () => Promise<string>): Promise<void> {
  let last = '';
  let over = false;
  const asking = async (): Promise<void> => {
    while (!over && !(await holds())) {
      last = await seen();
      await new Promise<void>((resolve) => systemClock.schedule(ASK_MS, resolve));
    }
  };
  await eventually(asking(), () => `it was last: ${last}`).finally(() => {
    over = true;
  });
}

const ASK_MS = 10;
