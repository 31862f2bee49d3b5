/** The playground as `npm run dev` serves it: it reloads itself when the server has another build of it. */
import '../src/web/main.ts';

/** The digest of the page that the server has now. */
const buildOnServer = async (): Promise<string | undefined> => {
  try {
    const response = await fetch('assets/build.txt', { cache: 'no-store' });
    return response.ok ? await response.text() : undefined;
  } catch {
    return undefined; // the server is being restarted
  }
};

/** Asks repeatedly: the playground's content security policy allows requests to its own server only. */
const watchBuild = async (): Promise<void> => {
  const first = await buildOnServer();
  setInterval(async () => {
    const latest = await buildOnServer();
    if (latest !== undefined && latest !== first) location.reload();
  }, 500);
};

void watchBuild();
