import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { createHost } from '../../src/server/host.ts';
import { serveHost } from '../../src/server/middleware.ts';
import { readSettings } from '../../src/settings.ts';

/** `folio serve` whose trainings need no TensorFlow, as a process whose whole output can be read. Prints its address. */
const pretend = fileURLToPath(new URL('../pretend-trainer.ts', import.meta.url));
const host = await createHost(readSettings(), [process.execPath, pretend]);
const handle = serveHost(() => Promise.resolve(host));
const server = createServer((request, response) =>
  handle(request, response, () => response.writeHead(500).end()),
);
server.listen(0, '127.0.0.1');
await once(server, 'listening');
process.stdout.write(`Folio is at http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
process.once('SIGTERM', async () => {
  server.close();
  server.closeAllConnections();
  await host.close();
});
