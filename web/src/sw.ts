/**
 * The page offline: what it is made of is kept when it was first loaded, and served from there. The list and
 * its version are written by phiz when the page is published. Pages get the two headers that threads need.
 */

/// <reference lib="webworker" />

interface Plan {
  version: string;
  first: string[];
}

declare const self: ServiceWorkerGlobalScope & { plan: Plan };

const { plan } = self;
// Pages of one host share its caches, so each page's begin with its own address.
const OWN = `phiz-${self.registration.scope}-`;
const NAME = OWN + plan.version;
const NAMED_FOR_CONTENT = /-[0-9a-f]{8}\.[\w.]+$/;

self.addEventListener("install", (event) => {
  const keep = async (): Promise<void> => {
    const cache = await caches.open(NAME);
    await Promise.all(
      plan.first.map((name) => (NAMED_FOR_CONTENT.test(name) ? take(cache, name) : anew(cache, name))),
    );
    await self.skipWaiting();
  };
  event.waitUntil(keep());
});

/** Past the browser's own cache, which may still hold the page as it was. */
async function anew(cache: Cache, name: string): Promise<void> {
  await cache.add(new Request(name, { cache: "reload" }));
}

/** What is named for its content is the same wherever it was kept: by the page just now, or by the version before. */
async function take(cache: Cache, name: string): Promise<void> {
  const kept = await caches.match(name);
  await (kept ? cache.put(name, kept) : cache.add(name));
}

self.addEventListener("activate", (event) => {
  const tidy = async (): Promise<void> => {
    for (const name of await caches.keys()) {
      if (name.startsWith(OWN) && name !== NAME) await caches.delete(name);
    }
    await self.clients.claim();
  };
  event.waitUntil(tidy());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "GET" && ours(new URL(request.url))) event.respondWith(answer(request));
});

/** Whether an address is of this page: others may lie in folders below it. */
function ours({ origin, pathname }: URL): boolean {
  const base = new URL("./", self.location.href);
  const name = pathname.slice(base.pathname.length);
  const known = name === "" || name === "index.html" || plan.first.includes(name);
  return (
    origin === base.origin &&
    pathname.startsWith(base.pathname) &&
    (known || /^(assets|runtime|models)\//.test(name))
  );
}

async function answer(request: Request): Promise<Response> {
  const page = request.mode === "navigate";
  if (page) {
    try {
      return isolated(await fetch(request));
    } catch {
      const kept = await caches.match("./", { cacheName: NAME });
      return kept ? isolated(kept) : Response.error();
    }
  }
  const kept = await caches.match(request, { cacheName: NAME, ignoreSearch: true });
  if (kept) return isolated(kept);
  const fresh = await fetch(request);
  if (fresh.ok && fresh.status === 200) {
    const cache = await caches.open(NAME);
    await cache.put(request, fresh.clone()).catch(() => undefined);
  }
  return isolated(fresh);
}

function isolated(response: Response): Response {
  if (response.status === 0) return response;
  const headers = new Headers(response.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  headers.set("Cross-Origin-Resource-Policy", "same-origin");
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}

export {};
