import { ApiError } from "@belfry/contract/errors.ts";
import type { Access, App } from "./app.ts";

/** Follows which methods each path has, from the call on; `refuseOthers` then answers 405 for all that a path has not. */
export function trackMethods(app: App): { refuseOthers(): void } {
  const paths = new Map<string, { methods: Set<string>; access: Access | undefined }>();
  app.addHook("onRoute", ({ url, method, config }) => {
    const path = paths.get(url) ?? { methods: new Set(), access: config?.access };
    for (const each of [method].flat()) path.methods.add(each);
    paths.set(url, path);
  });

  return {
    refuseOthers() {
      for (const [url, { methods, access }] of [...paths]) {
        const allow = [...methods].sort().join(", ");
        app.route({
          method: app.supportedMethods.filter((method) => !methods.has(method)),
          url,
          config: access ? { access } : {},
          schema: { hide: true },
          // Before the body is read: what is in it does not matter.
          onRequest: async (request, reply) => {
            reply.header("allow", allow);
            throw new ApiError("METHOD_NOT_ALLOWED", `${request.method} is not allowed here, only ${allow}`);
          },
          handler: () => undefined,
        });
      }
    },
  };
}
