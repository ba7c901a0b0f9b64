import assert from 'node:assert/strict';
import { parseCommandLine } from '../options/command-line.js';
import { BENCH_SPECS, type BenchOptions, resolveBenchOptions } from './bench-options.js';

const resolve = (words: string): BenchOptions =>
  resolveBenchOptions(parseCommandLine(words.split(' '), BENCH_SPECS), () => 42);

describe('resolveBenchOptions', () => {
  it('has a default for everything but the method', () => {
    const options = resolve('calculator.sum 1 2');
    assert.deepEqual(options.load, { kind: 'closed', concurrency: 64 });
    assert.deepEqual(options.span, { warmupMs: 2000, durationMs: 10_000, requests: undefined, drainMs: 2000 });
    assert.deepEqual(options.args, [1, 2]);
    assert.equal(options.connections, 1);
    assert.equal(options.timeoutMs, 1000);
    assert.equal(options.seed, 42);
  });

  it('is an open loop with --rate, with room for a timeout of calls in flight', () => {
    const load = { kind: 'open', ratePerSecond: 20_000, arrivals: 'poisson' };
    assert.deepEqual(resolve('a.b --rate 20000').load, { ...load, maxInFlight: 20_000 });
    assert.deepEqual(resolve('a.b --rate 20000 --uniform --timeout 10s').load, {
      ...load,
      arrivals: 'uniform',
      maxInFlight: 100_000,
    });
    assert.deepEqual(resolve('a.b --rate 20000 --max-in-flight 7').load, { ...load, maxInFlight: 7 });
  });

  it('has no duration with --requests alone, and both with both', () => {
    assert.equal(resolve('a.b -n 1000').span.durationMs, undefined);
    assert.equal(resolve('a.b -n 1000 -d 5s').span.durationMs, 5000);
  });

  it('adds a payload of the asked size as the last argument, the same for the same seed', () => {
    const { args } = resolve('a.b 1 --payload 1k --seed 7');
    assert.equal(args.length, 2);
    assert.equal(Buffer.byteLength(String(args[1])), 1024);
    assert.deepEqual(resolve('a.b 1 --payload 1k --seed 7').args, args);
    assert.notDeepEqual(resolve('a.b 1 --payload 1k --seed 8').args, args);
  });

  it('calls a method of its own with --self when none is named', () => {
    const own = resolve('--self');
    assert.deepEqual([own.service, own.method, own.args], ['bench', 'sum', [1, 2]]);
    assert.equal(resolve('--self --payload 10').method, 'echo');
    assert.equal(resolve('--self bench.echo hello').args[0], 'hello');
  });

  it('refuses options that exclude each other, saying what to do', () => {
    assert.throws(() => resolve('a.b --rate 1 --concurrency 5'), /exclude each other.*--max-in-flight/);
    assert.throws(() => resolve('a.b --uniform'), /--uniform is for the open loop: give a --rate/);
    assert.throws(() => resolve('a.b --max-in-flight 5'), /--max-in-flight is for the open loop/);
    assert.throws(() => resolve('--self --registry local:'), /leave out --registry/);
    assert.throws(() => resolve('a.b --connections 8 --concurrency 4'), /some of the 8 connections without a call/);
    assert.throws(() => resolve('a.b --fail-on p99>+10%'), /--compare/);
  });

  it('gives every connection a caller by default', () => {
    assert.deepEqual(resolve('a.b --connections 100').load, { kind: 'closed', concurrency: 100 });
  });
});
