import fc from 'fast-check';
import { ITEM_BYTES_MAX, type ModelStream, StreamWorld } from './stream-model.js';

/** Ten thousand sequences in all. */
const RUNS = { numRuns: 1_000 };
/** So many follow each other on one connection, for only at its end can be seen whether credit was lost: that takes a megabyte. */
const SEQUENCES = 10;

/** One step of one of the streams. */
type Step = (world: StreamWorld, stream: ModelStream, count: number, bytes: number) => void;

const STEPS: Readonly<Record<string, Step>> = {
  open: (world) => {
    if (world.streams.length < 6) world.open();
  },
  give: (_world, { up }, count, bytes) => times(count, () => up.give(bytes)),
  giveBack: (_world, { down }, count, bytes) => times(count, () => down.give(bytes)),
  read: (_world, { down }, count) => down.want(count),
  readUp: (_world, { up }, count) => up.want(count),
  end: (_world, { up }) => up.finish(),
  endBack: (_world, stream) => {
    stream.endsEarly = true;
    stream.down.finish();
  },
  cancel: (_world, stream) => {
    stream.isBroken = true;
    stream.controller.abort();
  },
  stop: (_world, stream) => {
    stream.isBroken = true;
    stream.down.stop();
  },
  stopUp: (_world, stream) => {
    stream.isBroken = true;
    stream.up.stop();
  },
  fail: (_world, stream) => {
    stream.isBroken = true;
    stream.down.isGivenUp = true;
    stream.down.source.fail(new Error('the handler failed'));
  },
  close: (world, _stream, count) => {
    if (count === 0) world.close();
  },
};

interface StepTaken {
  readonly name: string;
  readonly at: number;
  readonly count: number;
  readonly bytes: number;
  readonly settles: boolean;
}

const step: fc.Arbitrary<StepTaken> = fc.record({
  name: fc.constantFrom(
    'open',
    'open',
    'give',
    'give',
    'giveBack',
    'giveBack',
    'read',
    'readUp',
    ...Object.keys(STEPS),
  ),
  at: fc.nat(5),
  count: fc.nat(6),
  bytes: fc.oneof(fc.nat(20), fc.nat(ITEM_BYTES_MAX)),
  settles: fc.boolean(),
});

describe('properties of streams', function () {
  this.timeout(120_000);

  it('whatever happens in whatever order: items in order and whole, one end, no credit lost, nothing left behind', async () => {
    const sequences = fc.array(fc.array(step, { maxLength: 30 }), { minLength: SEQUENCES, maxLength: SEQUENCES });
    const property = fc.asyncProperty(sequences, async (all) => {
      let world = new StreamWorld();
      for (const steps of all) {
        await run(world, steps);
        if (!world.isClosed) continue;
        await world.finish();
        world = new StreamWorld();
      }
      await world.finish();
    });
    await fc.assert(property, RUNS);
  });
});

/** Takes steps on new streams of a connection, checks after those that let it settle, and ends the streams. */
async function run(world: StreamWorld, steps: readonly StepTaken[]): Promise<void> {
  world.open();
  for (const { name, at, count, bytes, settles } of steps) {
    STEPS[name]!(world, world.streams[at % world.streams.length]!, count, bytes);
    if (!settles) continue;
    await world.clock.advance(0);
    world.check();
  }
  await world.settle();
}

function times(count: number, run: () => void): void {
  for (let i = 0; i < count; i++) run();
}
