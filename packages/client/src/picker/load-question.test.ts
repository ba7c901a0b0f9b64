import assert from 'node:assert/strict';
import type { Call } from '@org/rpc-core';
import { aCall, PickerScene, SceneNode } from '../../test/picker-scene.js';
import { p2c } from './p2c.js';
import { NodeStatus } from './picker.js';

/** A node whose server says how busy it is after some time; */
class AskedNode extends SceneNode {
  asked = 0;

  constructor(name: string, scene: () => PickerScene, inFlight: number, afterMs: number | 'never' = 0.5) {
    super(name);
    const reported = { inFlight: 0, queueMs: 0, at: Number.NEGATIVE_INFINITY };
    this.load.reported = reported;
    Object.assign(this, {
      askLoad: (onAnswer: () => void): boolean => {
        this.asked++;
        const { clock } = scene();
        if (afterMs !== 'never')
          clock.schedule(afterMs, () => {
            Object.assign(reported, { inFlight, at: clock.now() });
            onAnswer();
          });
        return true;
      },
    });
  }
}

function sceneOf(...answers: readonly [inFlight: number, afterMs?: number | 'never'][]): {
  scene: PickerScene;
  nodes: AskedNode[];
} {
  const nodes = answers.map((answer, index) => {
    const node = new AskedNode(`n${index}`, () => scene, ...(answer as [number]));
    return node;
  });
  const scene: PickerScene = new PickerScene(p2c({ asks: true }), nodes);
  return { scene, nodes };
}

/** The node that is chosen for a call, and when. */
async function chosen(
  scene: PickerScene,
  call: Call = aCall(),
): Promise<readonly [string | undefined, number] | 'at once'> {
  const asked = scene.picker.ask!(call, scene.clock.now());
  if (asked === undefined) return 'at once';
  let node: string | undefined;
  let at = -1;
  const noted = asked.then((found) => {
    node = found?.address;
    at = scene.clock.now();
  });
  await scene.clock.advance(50);
  await noted;
  return [node, at];
}

describe('a choice by what nodes say', () => {
  it('asks both of a pair and takes the less busy', async () => {
    const { scene, nodes } = sceneOf([7], [3]);
    assert.deepEqual(await chosen(scene), ['n1', 0.5]);
    assert.deepEqual(
      nodes.map(({ asked }) => asked),
      [1, 1],
    );
  });

  it('asks nobody whose answer is fresh', async () => {
    const { scene, nodes } = sceneOf([7], [3]);
    for (const { load } of nodes) load.reported = { inFlight: load === nodes[0]!.load ? 1 : 2, queueMs: 0, at: 0 };
    assert.deepEqual(await chosen(scene), ['n0', 0]);
    assert.equal(nodes[0]!.asked, 0);
  });

  it('counts what this client has sent since then', async () => {
    const { scene, nodes } = sceneOf([1], [3]);
    for (let i = 0; i < 5; i++) nodes[0]!.load.started(0);
    assert.deepEqual(await chosen(scene), ['n1', 0.5]);
  });

  it('waits no longer than a fifth of what calls take, and takes the one that has answered', async () => {
    const { scene } = sceneOf([7], [3, 'never']);
    // Calls take 50 ms here.
    const [node, at] = (await chosen(scene)) as [string, number];
    assert.equal(node, 'n0');
    assert.ok(at > 9.9 && at <= 10, `${at}`);
  });

  it('does not wait where answers take long for what calls take, and finds out when they are faster again', async () => {
    const { scene, nodes } = sceneOf([7, 30], [3, 30]);
    for (let i = 0; i < 10; i++) await chosen(scene);
    assert.equal(await chosen(scene), 'at once');
    const before = nodes[0]!.asked;
    for (let i = 0; i < 64; i++) assert.equal(await chosen(scene), 'at once');
    assert.equal(nodes[0]!.asked, before + 1);
  });

  it('ends with the deadline of the call', async () => {
    const { scene } = sceneOf([7, 'never'], [3, 'never']);
    const call = aCall();
    call.deadline = 2;
    const asked = scene.picker.ask!(call, 0)!;
    const failing = assert.rejects(asked, { code: 'DEADLINE_EXCEEDED' });
    await scene.clock.advance(2);
    await failing;
  });

  it('leaves what is ill, tried or alone to the usual choice', async () => {
    const { scene, nodes } = sceneOf([7], [3]);
    assert.equal(await chosen(scene, aCall(nodes[0]!)), 'at once');
    nodes[0]!.current = NodeStatus.SUSPECT;
    assert.equal(await chosen(scene), 'at once');
    assert.equal(await chosen(sceneOf([7]).scene), 'at once');
    assert.equal(nodes[0]!.asked, 0);
  });

  it('asks nobody by default', () => {
    const [a, b] = [new SceneNode('a'), new SceneNode('b')];
    assert.equal(new PickerScene(p2c(), [a, b]).picker.ask!(aCall(), 0), undefined);
    assert.throws(() => p2c({ ask: true } as never), /unknown option "ask"; did you mean "asks"/);
    assert.throws(() => p2c({ asks: 1 } as never), /asks must be true or false, got 1/);
  });
});
