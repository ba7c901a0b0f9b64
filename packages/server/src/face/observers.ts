import type { RpcError } from '@org/rpc-core';
import { assertEvent, channels, plainText, surface } from '@org/rpc-core/internal';
import type { RegistryEvent } from '@org/rpc-registry';
import type { IncomingCall } from '@org/rpc-wire/internal';
import { EventEmitter } from 'eventemitter3';
import { createRegistryNotices } from '../life/registry-notices.js';
import { presentable } from '../presentable.js';
import { printHandlerError } from '../print-error.js';
import type { ServerRulesEvent } from '../rules/served-rules.js';
import { SERVER_EVENTS, type ServerEvents } from './events.js';

/** Those who watch a server: who listens to its events, the process's channel, and stderr for what nobody listens to but has to be seen. */
export class Observers {
  readonly #instance: string;
  readonly #events = new EventEmitter<ServerEvents>();

  /** @param instance - the id of the server */
  constructor(instance: string) {
    this.#instance = instance;
  }

  on<E extends keyof ServerEvents>(event: E, listener: (...args: ServerEvents[E]) => void): void {
    assertEvent('server.on', event, listener, SERVER_EVENTS);
    this.#events.on(event, listener as never);
  }

  off<E extends keyof ServerEvents>(event: E, listener: (...args: ServerEvents[E]) => void): void {
    this.#events.off(event, listener as never);
  }

  /** @returns whether anybody listens */
  emit<E extends keyof ServerEvents>(event: E, ...args: ServerEvents[E]): boolean {
    if (channels.server.hasSubscribers)
      channels.server.publish({ type: 'event', server: this.#instance, name: event, event: args[0] });
    if (channels.event.hasSubscribers)
      channels.event.publish({ type: 'event', side: 'server', from: this.#instance, name: event, event: args[0] });
    try {
      return (this.#events.emit as (event: string, ...args: unknown[]) => boolean).call(this.#events, event, ...args);
    } catch (error) {
      surface(error);
      return true;
    }
  }

  /** Tells of what a handler threw, if its caller must not see it. @returns what the caller may see */
  presentable(thrown: unknown, call: IncomingCall): RpcError {
    const { error, correlationId } = presentable(thrown, call);
    if (correlationId !== undefined) {
      const { service, method, metadata, peer } = call;
      const event = { service, method, error: thrown, err: thrown, correlationId, metadata, peer };
      // A handler's exception must be visible somewhere, also when no logging is set up yet.
      if (!this.emit('handlerError', event)) printHandlerError(this.#instance, event);
    }
    return error;
  }

  /** Tells what happens with rules. */
  rules(event: ServerRulesEvent): void {
    if (this.emit('rules', event) || event.type !== 'rejected') return;
    // Whoever wrote the document does not see this process; whoever runs the process has to.
    const inForce = event.inForce === undefined ? 'nothing is in force' : `version ${event.inForce} stays in force`;
    const text = `the rules of ${event.service} are not valid, ${inForce}: ${event.reason}`;
    process.stderr.write(`@org/rpc: server ${this.#instance}: ${plainText(text)}\n`);
  }

  /** @returns who is to be told of what happens with the registry */
  ofRegistry(): (told: RegistryEvent) => void {
    const notices = createRegistryNotices(this.#instance);
    return (told) => {
      // Any registry may quote what others wrote.
      const event = { ...told, message: plainText(told.message) };
      if (!this.emit('registry', event)) notices.hear(event);
    };
  }
}
