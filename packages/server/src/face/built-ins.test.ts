import assert from 'node:assert/strict';
import { memory } from '@org/rpc-registry';
import { Dispatcher } from '../dispatcher.js';
import { BuiltIns } from './built-ins.js';
import { resolveServerOptions, type ServerOptions } from './options.js';

describe('the services of a server that are its own', () => {
  it('are health in any case, and what the options say', () => {
    const served = (options: ServerOptions) => {
      const dispatcher = new Dispatcher([], undefined);
      const host = { state: () => undefined as never, drain: () => {} };
      new BuiltIns(
        resolveServerOptions({ registry: memory(), ...options }),
        host,
        dispatcher,
        new AbortController().signal,
      );
      const paths = ['rpc.health.check', 'rpc.reflection.services', 'rpc.operator.report'];
      return paths.map((path) => !(dispatcher.findPath(path) instanceof Error));
    };
    assert.deepEqual(served({}), [true, true, true]);
    assert.deepEqual(served({ reflection: false, operator: false }), [true, false, false]);
  });
});
