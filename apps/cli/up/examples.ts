type Row = { id: string; name: string; account_id: string | null };

/**
 * Two functions and two jobs to look at, made by the API's own means. What an earlier start has made is kept, deleted
 * or paused jobs included; only the address of the example server is brought up to date.
 */
export async function ensureExamples(base: string, key: string, serverUrl: string): Promise<void> {
  const functions = await call<Row[]>(base, key, "GET", "/automation/functions?limit=100");
  const known = functions.find((fn) => fn.name === "example-http");
  const http = known
    ? await call<Row>(base, key, "PATCH", `/automation/functions/${known.id}`, { url: serverUrl })
    : await call<Row>(base, key, "POST", "/automation/functions", {
        name: "example-http",
        kind: "http",
        url: serverUrl,
      });
  const hello = functions.find((fn) => fn.name === "hello" && fn.account_id === null);
  if (!hello) throw new Error("the workers have not brought along the module hello");
  await ensureJob(base, key, { name: "example-http", function_id: http.id, schedule: "@every 10s" });
  await ensureJob(base, key, {
    name: "example-module",
    function_id: hello.id,
    schedule: "*/15 * * * * *",
    payload: { name: "Belfry" },
  });
}

async function ensureJob(base: string, key: string, job: { name: string; [field: string]: unknown }): Promise<void> {
  const known = await call<Row[]>(base, key, "GET", `/automation/jobs?name=${job.name}`);
  if (known.length === 0) await call(base, key, "POST", "/automation/jobs", job);
}

/** Calls the cluster's API. Throws with what it answered. */
async function call<T>(base: string, key: string, method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${base}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body !== undefined && { "content-type": "application/json" }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  });
  const answer = (await response.json()) as T & { message?: string };
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${answer.message}`);
  return answer;
}
