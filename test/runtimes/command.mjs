/** `RUNTIME command.mjs ENTRY FOLDER`: runs the program on the model in FOLDER by the library in the file ENTRY. */
import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { program } from './program.mjs';

const [entry, folder] = process.argv.slice(2);
const { openModel } = await import(pathToFileURL(entry).href);
const model = await openModel((file) => readFile(`${folder}/${file}`).catch(() => undefined));
console.log(JSON.stringify(await program(model)));
process.exit(0);
