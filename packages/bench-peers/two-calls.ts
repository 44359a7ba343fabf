import { Agent, request } from "undici";

const CONNECTIONS = 256;

/** Pairs of calls a second with bare undici: what checking and performing over HTTP costs at least. */
export async function measureTwoCalls(
  url: string,
  { pairs, concurrency }: { pairs: number; concurrency: number },
): Promise<number> {
  const agent = new Agent({ connections: CONNECTIONS, keepAliveTimeout: 4_000 });
  try {
    let left = pairs;
    const startedAt = performance.now();
    const caller = async () => {
      while (left-- > 0) {
        await call(agent, url, "check");
        await call(agent, url, "perform");
      }
    };
    await Promise.all(Array.from({ length: concurrency }, caller));
    return (pairs / (performance.now() - startedAt)) * 1_000;
  } finally {
    await agent.close();
  }
}

async function call(dispatcher: Agent, url: string, phase: "check" | "perform"): Promise<void> {
  const body = JSON.stringify({ automation_job: "01a1f75d-1111-7111-8111-111111111111", phase });
  const headers = { "content-type": "application/json" };
  const answer = await request(url, { dispatcher, method: "POST", headers, body });
  if (answer.statusCode !== 200) throw new Error(`the server answered ${answer.statusCode}`);
  await answer.body.json();
}
