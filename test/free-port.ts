import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * A port of this machine's loopback that nothing listens on, for a program that cannot choose one itself. It is drawn from below
 * those that systems give to outgoing connections, one of which could take it before the program does.
 */
export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 22_000);
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
};
