import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientProxyFactory, MessagePattern, Payload, RpcException, Transport } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { NO_SUCH } from '../values.mjs';

export const title = 'NestJS, TCP';
export const note = 'TCP transport, JSON as it has no other';
export const packages = ['@nestjs/microservices'];
export const can = ['object', 'text', 'sum', 'errors'];

export async function serve(port) {
  class Bench {
    echo(value) {
      return value;
    }
    sum([x, y]) {
      return x + y;
    }
    checked([x, y]) {
      if (x === 0) throw new RpcException(NO_SUCH);
      return x + y;
    }
  }
  // What its decorators do in TypeScript.
  for (const name of ['echo', 'sum', 'checked']) {
    MessagePattern(name)(Bench.prototype, name, Object.getOwnPropertyDescriptor(Bench.prototype, name));
    Payload()(Bench.prototype, name, 0);
  }
  Controller()(Bench);
  class App {}
  Module({ controllers: [Bench] })(App);
  const options = { host: '127.0.0.1', port };
  const app = await NestFactory.createMicroservice(App, { transport: Transport.TCP, options, logger: false });
  await app.listen();
}

export async function connect([port]) {
  const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
  await client.connect();
  const echo = (value) => firstValueFrom(client.send('echo', value));
  const call = (name, args) => firstValueFrom(client.send(name, args));
  return {
    object: echo,
    text: echo,
    sum: (x, y) => call('sum', [x, y]),
    checked: (x, y) => call('checked', [x, y]),
  };
}
