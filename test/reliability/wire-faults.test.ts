import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ServerProcess } from './server-process.ts';
import { report, sized } from './size.ts';

const connections = sized(4_000);
const body = JSON.stringify({ prompt: 'ROMEO:', length: 5000 });
const head = (length: number | string, path = '/generate'): string =>
  `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;
const chunked = 'POST /generate HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n\r\n';
const stream = 'GET /generate?length=5000 HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: text/plain\r\n\r\n';

/** What is sent, and how many milliseconds later the connection is cut. */
const faults: readonly (readonly [string, string, number])[] = [
  ['nothing', '', 5],
  ['half a line', 'GET /gen', 5],
  ['no HTTP', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 20],
  ['half of the headers', head(body.length).slice(0, 60), 5],
  ['half of a body', head(body.length) + body.slice(0, 20), 10],
  ['a body that never comes', head(body.length), 10],
  ['a body longer than it says', head(10) + body, 20],
  ['a length that is none', head('x') + body, 20],
  ['two lengths', head(`5\r\ncontent-length: 6`) + body, 20],
  ['half of a chunk', `${chunked}ffff\r\n{"prompt"`, 10],
  ['a chunk whose length is none', `${chunked}zz\r\n{}\r\n`, 20],
  ['a reader that leaves at once', stream, 0],
  ['a reader that leaves soon', stream, 30],
  ['a reader that leaves an answer of one piece', head(body.length) + body, 15],
  ['three requests at once, and away', stream.repeat(3), 15],
  ['headers without end', `GET / HTTP/1.1\r\n${'x: y\r\n'.repeat(5000)}`, 20],
];

test('connections that break at any point leave nothing behind', async () => {
  await using server = await ServerProcess.start({ FOLIO_MAX_LENGTH: '5000' });
  const cut = async ([, sent, after]: (typeof faults)[number], reset: boolean): Promise<void> => {
    const socket = connect(server.port, '127.0.0.1').on('error', () => undefined);
    await Promise.race([once(socket, 'connect'), delay(2000)]);
    socket.write(sent, 'latin1');
    await delay(after);
    if (reset) socket.resetAndDestroy();
    else socket.destroy();
  };
  await (await fetch(`${server.url}/generate?length=100`)).text();
  for (let done = 0; done < connections; done += 16) {
    await Promise.all(faults.map((fault, i) => cut(fault, (done / 16 + i) % 2 === 0)));
  }
  expect(server.hasEnded).toBe(false);
  await expect.poll(() => server.metric('folio_completions_running'), { timeout: 5_000 }).toBe(0);
  expect((await fetch(`${server.url}/generate?length=1`)).status).toBe(200);
  const errors = server.output.split('\n').filter((line) => /"level":[56]0/.test(line));
  expect(errors).toEqual([]);
  report(
    `${connections} connections broken in ${faults.length} ways`,
    'the server goes on; 0 places kept; 0 errors logged',
  );
}, 900_000);
