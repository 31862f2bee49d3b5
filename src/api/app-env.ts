import type { HostBindings } from './deps.ts';
import type { Generation } from './generation.ts';
import type { Caller } from './request/auth.ts';

/** What Hono's context carries here. */
export interface AppEnv {
  Bindings: HostBindings;
  Variables: {
    caller: Caller;
    requestId: string;
    /** Of a route that generates, once the request has passed its checks. */
    generation?: Generation;
    /** The route is one of OpenAI's. */
    openAi?: true;
  };
}
