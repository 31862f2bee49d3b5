import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { endSilentRequest } from '../../../src/server/silent-request.ts';

/** A request of Node's, as it begins. */
const received = async (head: string): Promise<IncomingMessage> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => undefined);
  onTestFinished(() => {
    socket.destroy();
    server.close();
  });
  const begun = once(server, 'request');
  socket.write(`POST / HTTP/1.1\r\nHost: x\r\n${head}\r\n\r\n`);
  const [request] = (await begun) as [IncomingMessage];
  return request;
};

test.each(['Content-Length: 8', 'Transfer-Encoding: chunked'])(
  'a client that falls silent after %s is as one that left',
  async (head) => {
    const request = await received(head);
    endSilentRequest(request, { writableFinished: false }, 20);
    request.resume();
    await once(request, 'close');
    expect([request.destroyed, request.complete]).toEqual([true, false]);
  },
);

test('a request that is whole is waited for no longer, and one without a body never', async () => {
  for (const writableFinished of [false, true]) {
    const whole = await received('Content-Length: 2\r\n\r\n{}');
    const timeouts = vi.spyOn(whole, 'setTimeout');
    endSilentRequest(whole, { writableFinished }, 60_000);
    whole.resume();
    await once(whole, 'end');
    const given = timeouts.mock.calls.map(([milliseconds]) => milliseconds);
    expect(given).toEqual(writableFinished ? [60_000] : [60_000, 0]); // Node's own for the next request stays
  }
  const bare = await received('Content-Length: 0');
  const none = vi.spyOn(bare, 'setTimeout');
  endSilentRequest(bare, { writableFinished: false });
  expect(none).not.toHaveBeenCalled();
});
