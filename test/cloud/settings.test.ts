import { describe, expect, it } from 'vitest';
import { parseSettings } from '../../cdk/settings.ts';

describe('settings of the deployment', () => {
  it('has a default for each', () => {
    expect(parseSettings({})).toMatchObject({
      auth: 'key',
      streaming: true,
      memory: 1769,
      architecture: 'arm64',
      spot: true,
      budget: 10,
    });
  });

  it('reads the text of the command line as it reads JSON', () => {
    const text = parseSettings({ streaming: 'false', rate: '3', 'trainer-cpu': '2048', budget: '0' });
    const json = parseSettings({ streaming: false, rate: 3, 'trainer-cpu': 2048, budget: 0 });
    expect(text).toEqual(json);
  });

  it.each([
    [{ auth: 'none' }, /folio:auth: .*"key"\|"iam".*, not "none"/],
    [{ streaming: 'maybe' }, /folio:streaming: expected true or false, not "maybe"/],
    [{ rate: 'many' }, /folio:rate: .*not "many"/],
    [{ memory: 64 }, /folio:memory: .*256.*not 64/],
    [{ 'alarm-email': 'me' }, /folio:alarm-email: expected an e-mail address, not "me"/],
    [{ certificate: 'arn:aws:acm:eu-west-1:1:certificate/1' }, /folio:domain-name: expected together/],
    [{ 'trainer-cpu': 3000 }, /folio:trainer-cpu: /],
    [
      { 'trainer-cpu': 1024, 'trainer-memory': 30720 },
      /folio:trainer-memory: expected whole gigabytes from 2048 to 8192/,
    ],
    [{ colour: 'red' }, /folio:colour: no such setting/],
  ])('refuses %j and says what it expected', (context, complaint) => {
    expect(() => parseSettings(context)).toThrow(complaint);
  });

  it('tells all faults at once', () => {
    expect(() => parseSettings({ auth: 'none', rate: 0, colour: 'red' })).toThrow(
      /auth[\s\S]*rate[\s\S]*colour/,
    );
  });
});
