import { NodeSocket, NodeSocketServer } from '@effect/platform-node';
import { Rpc, RpcClient, RpcGroup, RpcSerialization, RpcServer } from '@effect/rpc';
import { Effect, Layer, ManagedRuntime, Schema, Scope } from 'effect';
import { NO_SUCH } from '../values.mjs';

export const title = 'Effect RPC, TCP';
export const note = 'MessagePack over TCP, without tracing spans';
export const packages = ['@effect/rpc', 'effect'];
export const can = ['object', 'text', 'sum', 'errors'];

const Thing = Schema.Struct({
  id: Schema.Number,
  name: Schema.String,
  tags: Schema.Array(Schema.String),
  nested: Schema.Struct({ ok: Schema.Boolean, score: Schema.Number, city: Schema.String }),
});
const Bench = RpcGroup.make(
  Rpc.make('object', { payload: { value: Thing }, success: Thing }),
  Rpc.make('text', { payload: { value: Schema.String }, success: Schema.String }),
  Rpc.make('sum', { payload: { x: Schema.Number, y: Schema.Number }, success: Schema.Number }),
  Rpc.make('checked', {
    payload: { x: Schema.Number, y: Schema.Number },
    success: Schema.Number,
    error: Schema.Struct({ message: Schema.String }),
  }),
);

export async function serve(port) {
  const handlers = Bench.toLayer({
    object: ({ value }) => Effect.succeed(value),
    text: ({ value }) => Effect.succeed(value),
    sum: ({ x, y }) => Effect.succeed(x + y),
    checked: ({ x, y }) => (x === 0 ? Effect.fail({ message: NO_SUCH }) : Effect.succeed(x + y)),
  });
  const server = RpcServer.layer(Bench, { disableTracing: true }).pipe(
    Layer.provide(handlers),
    Layer.provide(RpcServer.layerProtocolSocketServer),
    Layer.provide(RpcSerialization.layerMsgPack),
    Layer.provide(NodeSocketServer.layer({ port, host: '127.0.0.1' })),
  );
  await ManagedRuntime.make(server).runtime();
}

export async function connect([port]) {
  const protocol = RpcClient.layerProtocolSocket().pipe(
    Layer.provide(RpcSerialization.layerMsgPack),
    Layer.provide(NodeSocket.layerNet({ port, host: '127.0.0.1' })),
  );
  const runtime = ManagedRuntime.make(protocol);
  const scope = await runtime.runPromise(Scope.make());
  const client = await runtime.runPromise(RpcClient.make(Bench, { disableTracing: true }).pipe(Scope.extend(scope)));
  return {
    object: (value) => runtime.runPromise(client.object({ value })),
    text: (value) => runtime.runPromise(client.text({ value })),
    sum: (x, y) => runtime.runPromise(client.sum({ x, y })),
    checked: (x, y) => runtime.runPromise(client.checked({ x, y })),
  };
}
