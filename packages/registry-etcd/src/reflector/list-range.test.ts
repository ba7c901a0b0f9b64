import assert from 'node:assert/strict';
import { EtcdError, type KeyValue, type RangePage, type RangeRequest } from '../client/etcd-port.js';
import { listRange, RANGE_ENTRIES_MAX } from './list-range.js';

describe('listRange', () => {
  const range = { key: 'k/', rangeEnd: 'k0' };

  /** A store of so many keys; `limitMax` is how many fit into one message. */
  function store(count: number, limitMax = Number.POSITIVE_INFINITY) {
    const requests: RangeRequest[] = [];
    const all: KeyValue[] = Array.from({ length: count }, (_, i) => ({
      key: `k/${String(i).padStart(6, '0')}`,
      value: Buffer.from('x'),
      modRevision: i + 1,
      leaseId: '0',
    }));
    let revision = 1_000;
    const read = async (request: RangeRequest): Promise<RangePage> => {
      requests.push(request);
      if (request.limit > limitMax) throw new EtcdError('exhausted', 'Received message larger than max');
      const from = all.findIndex(({ key }) => key >= request.key);
      const entries = from < 0 ? [] : all.slice(from, from + request.limit);
      return { entries, more: from + entries.length < count, count, revision: revision++ };
    };
    return { read, requests };
  }

  it('reads an empty range', async () => {
    const { read } = store(0);
    const { entries, revision, truncated } = await listRange(range, read);
    assert.deepEqual([entries.size, revision, truncated], [0, 1_000, false]);
  });

  it('reads in pages of 500, all of them at the revision of the first', async () => {
    const { read, requests } = store(1_200);
    const { entries, revision } = await listRange(range, read);
    assert.equal(entries.size, 1_200);
    assert.equal(revision, 1_000);
    assert.deepEqual(
      requests.map((request) => [request.limit, request.revision]),
      [
        [500, undefined],
        [500, 1_000],
        [500, 1_000],
      ],
    );
  });

  it('reads smaller pages when one is too large for a message', async () => {
    const { read, requests } = store(30, 7);
    assert.equal((await listRange(range, read)).entries.size, 30);
    assert.deepEqual(
      requests.map(({ limit }) => limit),
      [500, 62, 7, 7, 7, 7, 7],
    );
  });

  it('gives up when not even one entry fits', async () => {
    const { read } = store(3, 0);
    await assert.rejects(listRange(range, read), { kind: 'exhausted' });
  });

  it('fails as its page does', async () => {
    const read = async (): Promise<RangePage> => {
      throw new EtcdError('compacted', 'gone');
    };
    await assert.rejects(listRange(range, read), { kind: 'compacted' });
  });

  it('reads no more than its bound, and says so', async () => {
    const { read } = store(RANGE_ENTRIES_MAX + 600);
    const { entries, truncated } = await listRange(range, read);
    assert.equal(entries.size, RANGE_ENTRIES_MAX);
    assert.equal(truncated, true);
  });
});
