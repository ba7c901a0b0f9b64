import { size } from '../compare/scenarios.mjs';

const KIB = 1024;
const object = { workload: 'object', callers: 64 };
const ofObject = (key, values) =>
  values.map((value) => ({
    x: value,
    label: value.toLocaleString('en-US'),
    scenario: { ...object, name: `${key} ${value}`, [key]: value },
  }));

/**
 * What grows, and what a call then costs. `per` says what the cost is of: a call, or a byte of its payload.
 *
 * @type {readonly { name: string, title: string, unit: string, per: 'call' | 'byte', reason?: string, points: readonly { x: number, label: string, scenario: object }[] }[]}
 */
export const DIMENSIONS = [
  {
    name: 'idle',
    title: 'Connections that do nothing',
    unit: 'idle connections to the same server, asked each 10 s whether they live',
    per: 'call',
    points: ofObject('idle', [0, 10, 100, 1_000, 4_000]),
  },
  {
    name: 'nodes',
    title: 'Nodes of the service',
    unit: 'nodes, all in one process, 64 callers altogether',
    per: 'call',
    reason:
      'the same callers spread over more connections: fewer messages go out in one write, and a write costs 8 us however small it is',
    points: ofObject('nodes', [1, 2, 3, 10, 30]),
  },
  {
    name: 'services',
    title: 'Services that a client knows',
    unit: 'other services of the server, each of which the client has called',
    per: 'call',
    points: ofObject('services', [0, 10, 100, 1_000]),
  },
  {
    name: 'methods',
    title: 'Methods of the service',
    unit: 'other methods, each of which the client has called',
    per: 'call',
    points: ofObject('methods', [0, 10, 100, 1_000]),
  },
  {
    name: 'callers',
    title: 'Calls in flight',
    unit: 'callers that each wait for their answer before the next call',
    per: 'call',
    reason: 'a single caller has every write to itself; many share them',
    points: ofObject('callers', [1, 4, 16, 64, 256, 1_000, 4_000]),
  },
  {
    name: 'payload',
    title: 'Bytes of the payload',
    unit: 'a binary there and back, 16 callers',
    per: 'byte',
    points: [KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, KIB * KIB, 4 * KIB * KIB - 256].map((bytes) => ({
      x: bytes,
      label: size(bytes),
      scenario: { name: `binary of ${size(bytes)}`, workload: 'binary', bytes, callers: 16 },
    })),
  },
];
