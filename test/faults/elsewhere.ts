/** A fault that tests show by themselves, without the servers and the load of the table. */
interface Elsewhere {
  readonly fault: string;
  readonly seen: string;
  /** Title of a test, or a part of it, and its file, from the root of the repository. */
  readonly shown: readonly (readonly [title: string, file: string])[];
}

const TLS = 'test/tls.test.ts';
const WIRE = 'packages/wire/src/connection';
const HOSTILE = 'packages/wire/test/hostile-frames.test.ts';

/** What a peer, a certificate or a program does wrong: one connection or one process is enough to show it. */
const ELSEWHERE: readonly Elsewhere[] = [
  {
    fault: 'certificate of a server that has expired, is for another host or use, or of an unknown authority',
    seen: '`UNAVAILABLE` with that reason; never tried in plaintext. Lists of revoked certificates are not looked at',
    shown: [
      ['fail with that reason when the certificate of the server', TLS],
      ['fail towards a port without TLS, and are not tried in plaintext', TLS],
    ],
  },
  {
    fault: 'certificate of a client that is missing, has expired, or is of an unknown authority',
    seen: '`UNAVAILABLE` with that reason, and no handler runs',
    shown: [['fail with that reason, and no handler runs, when the certificate of the client', TLS]],
  },
  {
    fault: 'certificates change while connections are open',
    seen: 'those go on; new ones get the new certificate, in all workers',
    shown: [
      ['go on while key and certificate are replaced; new connections get the new ones', TLS],
      ['takes other certificates in all of them', 'test/workers/workers.test.ts'],
    ],
  },
  {
    fault: 'HTTP on our port, plaintext on a port of TLS, TLS on one of plaintext, ours on one of HTTP',
    seen: 'an answer in the words of who asks, which says what was expected; the connection ends',
    shown: [
      ['are answered in its own words to an HTTP client without TLS', TLS],
      [
        'is an HTTP response for an HTTP request, with the text as its body',
        'packages/wire/src/transport/plain-answer.test.ts',
      ],
      ['calls: an HTTP server on the port is called one', 'test/newcomer/wrong-uses.test.ts'],
      ['refuse those who want to speak something else inside, and take those who do not say', TLS],
    ],
  },
  {
    fault: 'peer of a later version: types of frames, flags, keys that are not known',
    seen: 'skipped, or served as usual; the connection goes on',
    shown: [
      ['are skipped or served as usual', HOSTILE],
      ['are skipped: types, flags and bodies of a later version', `${WIRE}/channel/floods.test.ts`],
    ],
  },
  {
    fault: 'ids of calls have all been used',
    seen: 'they begin again at 1, and those in flight are passed over: the connection need not end',
    shown: [
      [
        'begins again at 1 after the highest id, and passes over the ids that are still in flight',
        `${WIRE}/calls/in-flight.test.ts`,
      ],
      [
        'starts its ids again after the highest, without those in use',
        `${WIRE}/message-pack-rpc/message-pack-rpc-client-connection.test.ts`,
      ],
    ],
  },
  {
    fault: 'handler that throws whatever can be thrown, at once or later, settles twice, or never ends',
    seen: 'that call alone fails, as `INTERNAL` without a stack; the process lives; one that never ends is cut off when the grace is over',
    shown: [
      ['it fails that call alone', 'packages/server/src/anything-thrown.test.ts'],
      [
        'may give a promise of another make that settles twice, or throws: it ends its call once',
        'packages/server/src/anything-thrown.test.ts',
      ],
      ['cuts off a handler that never ends when the grace is over', 'packages/server/src/life/drain.test.ts'],
    ],
  },
  {
    fault: 'answer after a cancel or the deadline, a second one, one for an id that nobody has',
    seen: 'dropped and counted; never given to another call; the connection stays',
    shown: [
      [
        'is dropped and counted: after a cancel, after the deadline, a second time, for an unknown id',
        `${WIRE}/client/client-connection-settling.test.ts`,
      ],
      [
        'never reaches a later call, however many calls come between',
        `${WIRE}/client/client-connection-settling.test.ts`,
      ],
    ],
  },
  {
    fault: 'cancel and answer cross; storms of cancels',
    seen: 'each call settles once; no more handlers run than `callsInFlight`',
    shown: [
      ['agree that a cancelled call is over, whichever side is first', `${WIRE}/calls/connection-pair.test.ts`],
      ['settle every call once, whatever happens when', `${WIRE}/calls/connection-pair.test.ts`],
      [
        'do not free the places of handlers that still run: rapid reset gets no more of them',
        `${WIRE}/channel/floods.test.ts`,
      ],
    ],
  },
  {
    fault:
      'SIGTERM twice; `close()` before `listen()` has ended, twice, of a server that never listened; `listen()` twice',
    seen: 'a second signal ends the process at once; `close()` may come at any time and leaves nothing registered; a second `listen()` is refused',
    shown: [
      [
        'end the process at once when a second one comes while a handler does not end',
        'packages/rpc/test/server/signals.test.ts',
      ],
      ['ends a listen that is still on its way', 'packages/server/src/face/server.test.ts'],
      [
        'may be called any number of times, also of a server that never listened',
        'packages/server/src/face/server.test.ts',
      ],
      ['is called once, after add() and before close()', 'packages/server/src/face/server.test.ts'],
    ],
  },
  {
    fault: 'several processes share a port',
    seen: 'each is an instance of its own; a crash and a reload lose no call that may be repeated',
    shown: [
      [
        'loses no call that may be repeated to a crash and to a reload, and keeps what runs when a version does not start',
        'test/workers/workers.test.ts',
      ],
    ],
  },
  {
    fault: 'client that is made, and not used or not closed',
    seen: 'its process ends when there is nothing left to do',
    shown: [['does not keep its process alive once there is nothing to wait for', 'test/newcomer/idle-client.test.ts']],
  },
];

/** The table of them, for a page in `docs`. */
export function elsewhereTable(): string {
  const rows = ELSEWHERE.map(({ fault, seen, shown }) => {
    const links = shown.map(([title, file]) => `[${title}](../${file})`);
    return `| ${fault} | ${seen} | ${links.join(', ')} |`;
  });
  return ['| fault | what is seen of it | shown by |', '|---|---|---|', ...rows].join('\n');
}
