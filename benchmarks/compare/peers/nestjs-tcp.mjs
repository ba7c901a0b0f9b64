import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientProxyFactory, MessagePattern, Payload, Transport } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';

export const title = 'NestJS, TCP';
export const note = 'TCP transport, JSON as it has no other';
export const packages = ['@nestjs/microservices'];
export const can = ['object', 'text', 'sum'];

export async function serve(port) {
  class Bench {
    echo(value) {
      return value;
    }
    sum([x, y]) {
      return x + y;
    }
  }
  // What its decorators do in TypeScript.
  for (const name of ['echo', 'sum']) {
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
  return { object: echo, text: echo, sum: (x, y) => firstValueFrom(client.send('sum', [x, y])) };
}
