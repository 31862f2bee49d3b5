import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { folioWithin } from '../../folio-command.ts';

const root = join(import.meta.dirname, '../../..');

describe('what a mistaken command line is answered with', () => {
  test.each([
    ['help trian', /unknown command 'trian' \(Did you mean train\?\)/],
    ['show', /unknown command 'show' \(Did you mean models show\?\)/],
    ['xyz', /unknown command 'xyz': folio --help lists all/],
    ['models rm', /unknown command 'rm': expected list, versions, show, /],
    ['open', /missing required argument 'model': see folio open --help/],
    ['models show', /missing required argument 'name': see folio models show --help/],
    ['generate --stop', /argument missing: see folio generate --help/],
    ['generate --top-p 2 --length abc', /--length: expected .* --top-p: expected a number from 0 to 1/],
    ['generate --prompt é', /character 1 of the text; --unknown set to "nearest" takes the closest/],
    ['serve --port abc', /--port must be a whole number/],
    ['models show nosuch', /^error: There is no model nosuch in this store\. \[model_not_found\]\n$/],
  ])('folio %s', async (line, expected) => {
    const { code, stderr, stdout } = await folioWithin(line.split(' '), { FOLIO_STORE: root });
    expect(code).toBeGreaterThan(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(expected);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});
