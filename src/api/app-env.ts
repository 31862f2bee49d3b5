import type { HostBindings } from './deps.ts';
import type { Caller } from './request/auth.ts';

/** What Hono's context carries here. */
export interface AppEnv {
  Bindings: HostBindings;
  Variables: {
    caller: Caller;
    requestId: string;
    /** The route is one of OpenAI's. */
    openAi?: true;
  };
}
