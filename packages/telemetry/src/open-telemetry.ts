import {
  type Attributes,
  type Context,
  context,
  type Histogram,
  type Meter,
  metrics,
  type Observable,
  type ObservableCallback,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  type TextMapSetter,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import {
  type AttemptObservation,
  type ClientObservation,
  type Metadata,
  type ObservedAttempt,
  type ObservedCall,
  type ObservedClientCall,
  type ObservedServerCall,
  observe,
  type RpcError,
  type ServerObservation,
  type TimeLimit,
  type TimeSpent,
} from '@org/rpc';
import { CallTable } from './call-table.js';
import { addressOf, DURATION_BUCKETS, INSTRUMENTS, isFailure, methodOf, SYSTEM, statusOf } from './names.js';

/** Options of {@link openTelemetry}. */
export interface OpenTelemetryOptions {
  /** Makes the spans; left out: the tracer registered with the API; `false`: no traces. */
  readonly tracer?: Tracer | false | undefined;
  /** Makes the metrics; left out: the meter registered with the API; `false`: no metrics. */
  readonly meter?: Meter | false | undefined;
  /**
   * How the attempts of a call are shown: as `events` of its span (default), or each as a child span, which is then the parent of
   * the server's span.
   */
  readonly attempts?: 'events' | 'spans' | undefined;
  /** Whether servers are asked how long they had the calls whose spans are recorded (default true): see `ObservedClientCall.askServer`. */
  readonly phases?: boolean | undefined;
  /** How many methods of each side have metrics of their own (default 1,000, at least 1); all others are `_OTHER`. */
  readonly methods?: number | undefined;
}

/**
 * Traces and metrics of all clients and servers of this process, by the stable conventions of OpenTelemetry for RPC (1.45): a span
 * `service/method` for each call on each side, the server's span a child of the client's, whose context travels in the metadata;
 * `rpc.client.call.duration` and `rpc.server.call.duration` in seconds, and the number of active calls.
 *
 * A client's span covers all attempts and, for a stream, all items. The handler runs inside the context of its span.
 *
 * @returns an object whose `close` stops it; spans that are open then end with their calls
 * @throws TypeError for a wrong option
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): { close(): void } {
  const { attempts = 'events', methods = 1_000, phases = true } = options;
  if (attempts !== 'events' && attempts !== 'spans')
    throw new TypeError(`openTelemetry: attempts must be 'events' or 'spans', not ${String(attempts)}`);
  if (!Number.isInteger(methods) || methods < 1)
    throw new TypeError(`openTelemetry: methods must be a whole number of at least 1, not ${String(methods)}`);
  const tracer = options.tracer ?? trace.getTracer('@org/rpc');
  const meter = options.meter ?? metrics.getMeter('@org/rpc');
  const parts: Part[] = [];
  const traces = tracer === false ? undefined : new Traces(tracer, phases);
  if (traces !== undefined) parts.push(traces);
  if (meter !== false) parts.push(new Durations(meter, methods));
  const watching = observe({
    client(told) {
      for (const part of parts) part.client(told);
    },
    server(told) {
      for (const part of parts) part.server(told);
    },
    ...(traces === undefined || attempts === 'events' ? {} : { attempt: (told) => traces.attempt(told) }),
  });
  return {
    close() {
      watching.close();
      for (const part of parts) part.close?.();
    },
  };
}

interface Part {
  close?(): void;
  client(told: ClientObservation): void;
  server(told: ServerObservation): void;
}

/** A span for each call. */
class Traces implements Part {
  readonly #tracer: Tracer;
  readonly #phases: boolean;
  readonly #calls = new WeakMap<ObservedCall, { readonly span: Span; readonly inside: Context }>();
  readonly #attempts = new WeakMap<ObservedAttempt, Span>();

  constructor(tracer: Tracer, phases: boolean) {
    this.#tracer = tracer;
    this.#phases = phases;
  }

  client(told: ClientObservation): void {
    if (told.type === 'event') return;
    if (told.type === 'callStart') {
      const { call } = told;
      propagation.inject(this.#begin(call, SpanKind.CLIENT, context.active()), call, SETTER);
      // Only where somebody will read it: the answer costs the server a look at the clock.
      if (this.#phases && this.#calls.get(call)?.span.isRecording() === true) call.askServer();
      return;
    }
    const begun = this.#calls.get(told.call);
    if (begun !== undefined) this.#end(told.call, begun.span);
  }

  /** Called only when each attempt gets its own span. */
  attempt({ type, call, attempt }: AttemptObservation): void {
    if (type === 'attemptStart') {
      const begun = this.#calls.get(call);
      if (begun === undefined) return;
      const options = {
        startTime: call.startedAt + attempt.startMs,
        attributes: { 'org.rpc.attempt': attempt.number },
      };
      const span = this.#tracer.startSpan(`attempt ${attempt.number}`, options, begun.inside);
      this.#attempts.set(attempt, span);
      propagation.inject(trace.setSpan(begun.inside, span), call, SETTER);
      return;
    }
    const span = this.#attempts.get(attempt);
    if (span === undefined) return;
    span.setAttributes(attemptAttributes(attempt));
    if (attempt.error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: attempt.error.message });
    span.end(call.startedAt + (attempt.endMs ?? attempt.startMs));
  }

  server(told: ServerObservation): void {
    if (told.type === 'callStart') {
      const { call } = told;
      const inside = this.#begin(call, SpanKind.SERVER, propagation.extract(ROOT_CONTEXT, call.metadata, GETTER));
      call.enterWith((run) => context.with(inside, run));
    } else if (told.type === 'callEnd') {
      const begun = this.#calls.get(told.call);
      if (begun !== undefined) this.#end(told.call, begun.span);
    }
  }

  #begin(call: ObservedClientCall | ObservedServerCall, kind: SpanKind, parent: Context): Context {
    const name = methodOf(call);
    const attributes: Attributes = { 'rpc.system.name': SYSTEM, 'rpc.method': name };
    if (call.side === 'server') Object.assign(attributes, peerAttributes(call.peer.address));
    const span = this.#tracer.startSpan(name, { kind, startTime: call.startedAt, attributes }, parent);
    const inside = trace.setSpan(parent, span);
    this.#calls.set(call, { span, inside });
    return inside;
  }

  #end(call: ObservedClientCall | ObservedServerCall, span: Span): void {
    this.#calls.delete(call);
    const status = statusOf(call);
    span.setAttribute('rpc.status_code', status);
    span.setAttributes(callerAttributes(call));
    if (call.side === 'client') span.setAttributes(endpointAttributes(call));
    if (call.sent !== undefined || call.received !== undefined) span.setAttributes(itemAttributes(call));
    if (call.side === 'client') this.#attemptsOf(call, span);
    else span.setAttributes(serverAttributes(call, status));
    if (call.error?.spent !== undefined) span.setAttributes(spentAttributes(call.error.spent));
    if (call.error?.timeLimit !== undefined) span.setAttributes(limitAttributes(call.error.timeLimit));
    if (call.side === 'client' && call.error !== undefined) span.setAttributes(progressAttributes(call.error));
    if (call.error !== undefined && isFailure(call.side, status)) {
      span.setAttribute('error.type', status);
      span.setStatus({ code: SpanStatusCode.ERROR, message: call.error.message });
    }
    span.end(call.startedAt + (call.durationMs ?? 0));
  }

  /** Records where the time of a client's call went, and its attempts if they say more than the span already does. */
  #attemptsOf({ attempts, startedAt, durationMs = 0 }: ObservedClientCall, span: Span): void {
    const last = attempts.at(-1);
    // One without an attempt was refused by the client itself.
    span.setAttribute('org.rpc.limited_ms', attempts[0]?.startMs ?? durationMs);
    if (last === undefined) return;
    span.setAttributes(timeAttributes(last));
    if (attempts.length === 1) return;
    span.setAttribute('org.rpc.attempts', attempts.length);
    for (const attempt of attempts) {
      if (this.#attempts.has(attempt)) continue;
      const { number, startMs, endMs = durationMs } = attempt;
      const times = { 'org.rpc.attempt': number, 'org.rpc.attempt.start_ms': startMs, 'org.rpc.attempt.end_ms': endMs };
      span.addEvent('attempt', { ...attemptAttributes(attempt), ...times }, startedAt + endMs);
    }
  }
}

/** Who calls, and by which rules. */
function callerAttributes(call: ObservedClientCall | ObservedServerCall): Attributes {
  const caller = call.side === 'client' ? call.caller : call.peer.name;
  const attributes: Attributes = caller === undefined ? {} : { 'org.rpc.client.name': caller };
  if (call.side === 'client' && call.rulesVersion !== undefined)
    attributes['org.rpc.rules.version'] = call.rulesVersion;
  return attributes;
}

/** How many items a stream had, when the first came, and where the time between them went. */
function itemAttributes({ itemsSent, itemsReceived, sent, received }: ObservedCall): Attributes {
  const attributes: Attributes = { 'org.rpc.items.sent': itemsSent, 'org.rpc.items.received': itemsReceived };
  if (received?.firstMs !== undefined) attributes['org.rpc.items.first_received_ms'] = received.firstMs;
  if (received !== undefined) {
    attributes['org.rpc.items.awaited_ms'] = received.awaitedMs;
    attributes['org.rpc.items.reader_ms'] = received.heldMs;
  }
  if (sent?.firstMs !== undefined) attributes['org.rpc.items.first_sent_ms'] = sent.firstMs;
  if (sent !== undefined) {
    attributes['org.rpc.items.source_ms'] = sent.awaitedMs;
    attributes['org.rpc.items.credit_ms'] = sent.heldMs;
  }
  return attributes;
}

/** A served call that ends with less than this share of its time used up has not run out of it, whatever its handler says. */
const OVER_SHARE = 0.9;

/** Which instance it was, how long the call waited there, and how much time its caller had left it, if it came late or was given up. */
function serverAttributes(
  { instance, waitedMs, timeoutMs, durationMs = 0, error }: ObservedServerCall,
  status: string,
): Attributes {
  const attributes: Attributes = { 'org.rpc.instance': instance };
  if (waitedMs !== undefined) attributes['org.rpc.waited_ms'] = waitedMs;
  if ((status !== 'DEADLINE_EXCEEDED' && status !== 'CANCELLED') || !Number.isFinite(timeoutMs)) return attributes;
  // A call of its handler has ended it, by a time of its own, and the text has that call.
  if (error?.timeLimit !== undefined) return { ...attributes, 'org.rpc.time_limit.of': 'downstream' };
  if (status === 'DEADLINE_EXCEEDED' && durationMs < timeoutMs * OVER_SHARE) return attributes;
  // The wire says how much time is left, and not who has set it: the span of the client has that.
  attributes['org.rpc.time_limit_ms'] = timeoutMs;
  attributes['org.rpc.time_limit.set_by'] = 'caller';
  return attributes;
}

/** Which time was over, and who has set it. */
function limitAttributes({ option, ms, setBy }: TimeLimit): Attributes {
  const attributes: Attributes = { 'org.rpc.time_limit.option': option, 'org.rpc.time_limit_ms': ms };
  return setBy === undefined ? attributes : { ...attributes, 'org.rpc.time_limit.set_by': setBy };
}

/** How far a call got that has failed, and which limit has refused it. */
function progressAttributes({ progress, limitedBy }: RpcError): Attributes {
  const attributes: Attributes = { 'org.rpc.progress': progress };
  if (limitedBy === undefined) return attributes;
  const { policy, setBy, rulesVersion } = limitedBy;
  attributes['org.rpc.limit.policy'] = policy;
  attributes['org.rpc.limit.set_by'] = setBy;
  if (rulesVersion !== undefined) attributes['org.rpc.limit.rules_version'] = rulesVersion;
  return attributes;
}

/** What was at fault when a call ran out of time, and where its time went. */
function spentAttributes({ culprit, endpoint, instance, downstream, phases, noticedLateMs }: TimeSpent): Attributes {
  const attributes: Attributes = { 'org.rpc.culprit': culprit };
  if (noticedLateMs !== undefined) attributes['org.rpc.noticed_late_ms'] = noticedLateMs;
  if (endpoint !== undefined) attributes['org.rpc.culprit.endpoint'] = endpoint;
  if (instance !== undefined) attributes['org.rpc.culprit.instance'] = instance;
  if (downstream !== undefined) {
    attributes['org.rpc.culprit.downstream'] = `${downstream.service}/${downstream.method}`;
    if (downstream.instance !== undefined) attributes['org.rpc.culprit.downstream_instance'] = downstream.instance;
  }
  for (const [phase, ms] of Object.entries(phases)) attributes[`org.rpc.spent.${phase}_ms`] = ms;
  return attributes;
}

/** How an attempt ended, and where. */
function attemptAttributes(attempt: ObservedAttempt): Attributes {
  // An attempt that has no end when its call ends was given up: another attempt was faster.
  const isOpen = attempt.endMs === undefined;
  const code = isOpen ? 'CANCELLED' : statusOf(attempt);
  return { 'rpc.status_code': code, ...timeAttributes(attempt), ...endpointAttributes(attempt) };
}

/** Where the time of an attempt went, as far as it is known, and why its instance had been left out if it was the trial of it. */
function timeAttributes({ startMs, sentMs, endMs, phases, trial }: ObservedAttempt): Attributes {
  const attributes: Attributes = {};
  const pickedMs = sentMs ?? endMs;
  if (pickedMs !== undefined) attributes['org.rpc.pick_ms'] = pickedMs - startMs;
  if (trial !== undefined) {
    attributes['org.rpc.trial'] = trial.fault;
    attributes['org.rpc.trial.after_ms'] = trial.forMs;
  }
  if (phases === undefined) return attributes;
  for (const [phase, ms] of Object.entries(phases)) attributes[`org.rpc.${phase}_ms`] = Math.round(ms * 1_000) / 1_000;
  return attributes;
}

/**
 * Measures durations of calls, active calls and attempts. Only durations are recorded by the meter as they come. Naming attributes costs more
 * than a call, so the rest is kept as plain numbers that the meter reads.
 */
class Durations implements Part {
  readonly #durations: Record<'client' | 'server', Histogram>;
  readonly #calls: Record<'client' | 'server', CallTable>;
  /** Event counts by side and name of the event. */
  readonly #events = new Map<string, { readonly attributes: Attributes; count: number }>();
  /** One object for each method and code: making them costs more than counting. */
  readonly #attributes = new Map<string, Attributes>();
  readonly #stop: (() => void)[] = [];

  constructor(meter: Meter, methods: number) {
    this.#calls = { client: new CallTable([], methods), server: new CallTable([], methods) };
    const advice = { explicitBucketBoundaries: [...DURATION_BUCKETS] };
    const durations = (side: 'client' | 'server'): Histogram => {
      const { name, ...described } = INSTRUMENTS.duration(side);
      return meter.createHistogram(name, { ...described, advice });
    };
    this.#durations = { client: durations('client'), server: durations('server') };
    for (const side of ['client', 'server'] as const) {
      const { name, ...described } = INSTRUMENTS.active(side);
      this.#observe(meter.createObservableUpDownCounter(name, described), (result) => {
        for (const method of this.#calls[side].methods)
          result.observe(method.active, { 'rpc.system.name': SYSTEM, 'rpc.method': method.name });
      });
    }
    const { attempts, events } = INSTRUMENTS;
    this.#observe(meter.createObservableCounter(attempts.name, attempts), (result) => {
      for (const { name, attempts: ended } of this.#calls.client.methods)
        for (const { code, count } of ended)
          result.observe(count, { 'rpc.system.name': SYSTEM, 'rpc.method': name, 'rpc.status_code': code });
    });
    this.#observe(meter.createObservableCounter(events.name, events), (result) => {
      for (const { attributes, count } of this.#events.values()) result.observe(count, attributes);
    });
  }

  client(told: ClientObservation): void {
    if (told.type === 'event') this.#event('client', told.name);
    else this.#call(told.type, told.call);
  }

  server(told: ServerObservation): void {
    if (told.type === 'event') this.#event('server', told.name);
    else this.#call(told.type, told.call);
  }

  close(): void {
    for (const stop of this.#stop) stop();
  }

  #observe(instrument: Observable, callback: ObservableCallback): void {
    instrument.addCallback(callback);
    this.#stop.push(() => instrument.removeCallback(callback));
  }

  #event(side: 'client' | 'server', event: string): void {
    const key = `${side} ${event}`;
    const counted = this.#events.get(key) ?? { attributes: { side, event }, count: 0 };
    counted.count++;
    this.#events.set(key, counted);
  }

  #call(type: 'callStart' | 'callEnd', call: ObservedClientCall | ObservedServerCall): void {
    const table = this.#calls[call.side];
    if (type === 'callStart') return table.begins(call);
    const { name } = table.ends(call);
    this.#durations[call.side].record((call.durationMs ?? 0) / 1_000, this.#of(call, name));
  }

  #of(call: ObservedCall, method: string): Attributes {
    const status = statusOf(call);
    const failed = isFailure(call.side, status);
    const key = `${method} ${status} ${failed}`;
    let attributes = this.#attributes.get(key);
    if (attributes === undefined) {
      attributes = { 'rpc.system.name': SYSTEM, 'rpc.method': method, 'rpc.status_code': status };
      if (failed) attributes['error.type'] = status;
      this.#attributes.set(key, attributes);
    }
    return attributes;
  }
}

function endpointAttributes({ endpoint, instance }: Pick<ObservedAttempt, 'endpoint' | 'instance'>): Attributes {
  if (endpoint === undefined) return {};
  const { address, port } = addressOf(endpoint);
  const attributes: Attributes = { 'server.address': address, 'network.peer.address': address };
  if (instance !== undefined) attributes['org.rpc.instance'] = instance;
  if (port !== undefined) Object.assign(attributes, { 'server.port': port, 'network.peer.port': port });
  return attributes;
}

function peerAttributes(peer: string): Attributes {
  const { address, port } = addressOf(peer);
  return port === undefined ? { 'client.address': address } : { 'client.address': address, 'client.port': port };
}

const SETTER: TextMapSetter<ObservedClientCall> = { set: (call, key, value) => call.setMetadata(key, value) };

const GETTER: TextMapGetter<Metadata> = {
  keys: (metadata) => Object.keys(metadata),
  get: (metadata, key) => metadata[key],
};
