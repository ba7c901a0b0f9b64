import type { OperatorReport } from '@org/rpc';
import type { Endpoint } from '@org/rpc-registry';
import type { Trouble } from '../traffic/troubles.js';
import type { HeldOpinion } from './held-opinions.js';

/** The result of the last request to an instance: a report; `rpc.operator` is off there, or refused; no answer; not asked yet. */
export type ReportStatus = 'answered' | 'off' | 'refused' | 'unreachable' | 'pending';

/** Percentiles of the last calls where there are none now. */
export interface LastView {
  /** How long ago they ended. */
  readonly secondsAgo: number;
  readonly p50: number | undefined;
  readonly p90: number | undefined;
  readonly p99: number | undefined;
}

/** Rates and latencies of calls, for people. */
export interface RateView {
  /** Calls a second. */
  readonly perSecond: number;
  /** Failed calls in percent. */
  readonly errorPercent: number;
  /** The median duration in milliseconds, if any calls have ended; the others are further percentiles. */
  readonly p50?: number | undefined;
  readonly p90?: number | undefined;
  readonly p99?: number | undefined;
  /** What was so before, up to an hour ago, when no call has ended lately: `undefined` where one has. */
  readonly last?: LastView | undefined;
}

/** One server process. */
export interface InstanceView extends Pick<Endpoint, 'id' | 'weight' | 'zone' | 'version' | 'state' | 'startedAtMs'> {
  readonly address: string;
  readonly services: readonly string[];
  readonly rate: RateView;
  /** The weight that a rule gives it instead, by service. */
  readonly ruledWeights: Readonly<Record<string, number>>;
  readonly report: ReportStatus;
  /** Why there is no report, in words for people. */
  readonly reason: string | undefined;
  /** The `server` part of its last report. */
  readonly server: OperatorReport['server'] | undefined;
  /** How late its event loop was at worst in the last second, in milliseconds. */
  readonly loopLagMs: number | undefined;
  /** The worst of these in the last minute. */
  readonly loopLagWorstMs: number | undefined;
  /** What its callers have or had against it in the last minute, from processes that report it. */
  readonly opinions: readonly HeldOpinion[];
  /** Whether a caller has left it alone in the last seconds, or has given it fewer calls than its peers. */
  readonly standing: 'avoided' | 'fewer' | undefined;
}

/** One method of a service. */
export interface MethodView {
  readonly name: string;
  readonly rate: RateView;
}

/** One service. */
export interface ServiceView {
  readonly name: string;
  readonly instances: readonly string[];
  readonly rate: RateView;
  readonly methods: readonly MethodView[];
  /** Failures per second, by code. */
  readonly codes: Readonly<Record<string, number>>;
  /** The version of the rules in force, `undefined` for none; 0 for a document that is not valid. */
  readonly rulesVersion: number | undefined;
  /** Whether an instance of it describes its methods, so that they can be tried; `undefined` while none has said so. */
  readonly isDescribed: boolean | undefined;
  /** False while the registry cannot vouch for the list. */
  readonly fresh: boolean;
}

/** Who calls whom. */
export interface EdgeView {
  readonly caller: string;
  readonly instance: string;
  readonly service: string;
  readonly rate: RateView;
}

/** Everybody who calls under one name: one process or more. */
export interface CallerView {
  readonly name: string;
  /** Its calls as servers count them, the way to them not included. */
  readonly rate: RateView;
  /** The instances whose processes have clients of that name; none where its processes tell nothing. */
  readonly instances: readonly string[];
  /** How many processes these are: one may have several servers. */
  readonly processes: number;
  /** The services that its clients have open, and whether one of them has called it. */
  readonly opened: readonly { readonly service: string; readonly hasCalled: boolean }[];
}

/** What a caller has called of one method at one instance, in the last five minutes, as the instance counts it. */
export interface CallerMethodView {
  readonly service: string;
  readonly method: string;
  readonly instance: string;
  readonly calls: number;
  /** How many of them have failed. */
  readonly errors: number;
  /** Milliseconds. */
  readonly p50: number | undefined;
  readonly p99: number | undefined;
}

/** Everything known at one moment, as plain data. The names in it are foreign text. */
export interface FleetView {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Over how many of the last whole seconds rates and percentiles are. */
  readonly rateSeconds: number;
  readonly registry: string;
  readonly namespace: string;
  /** Why the registry cannot be asked, in words for people; `undefined` while it answers. */
  readonly trouble: string | undefined;
  /** What was left out because of the bounds, in words for people. */
  readonly omitted: string | undefined;
  readonly services: readonly ServiceView[];
  readonly instances: readonly InstanceView[];
  readonly edges: readonly EdgeView[];
  readonly callers: readonly CallerView[];
  /** What went wrong in the last five minutes, the most frequent first: at most 500 different things. */
  readonly troubles: readonly Trouble[];
}
