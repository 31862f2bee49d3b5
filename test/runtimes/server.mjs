/** `RUNTIME server.mjs MIDDLEWARE STORE`: serves a store in a server of Node's own by `folio/express`, and prints the port. */
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';

const [entry, store] = process.argv.slice(2);
const { folio } = await import(pathToFileURL(entry).href);
const middleware = folio({ store, model: 'shakespeare', logLevel: 'silent' });
const server = createServer((request, response) => {
  middleware(request, response, (error) => response.writeHead(500).end(String(error)));
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
