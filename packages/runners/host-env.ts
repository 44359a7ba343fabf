/** What names Belfry's own servers and settings. Everything else in its environment the worker hands on: functions are configured by it. */
const WITHHELD = /^(?:DATABASE_URL|REDIS_URL|NODE_CHANNEL_.*|(?:BELFRY|PG|POSTGRES|REDIS)_?.*)$/i;

/**
 * The environment of a process in which modules run: the worker's, without the addresses and passwords of Belfry's
 * servers, also under other names.
 */
export function hostEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const secrets = new Set([env.DATABASE_URL, env.REDIS_URL].filter(Boolean));
  return Object.fromEntries(Object.entries(env).filter(([name, value]) => !WITHHELD.test(name) && !secrets.has(value)));
}
