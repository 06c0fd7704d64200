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
const NAME = `phiz-${plan.version}`;

self.addEventListener("install", (event) => {
  const keep = async (): Promise<void> => {
    const cache = await caches.open(NAME);
    await cache.addAll(plan.first);
    await self.skipWaiting();
  };
  event.waitUntil(keep());
});

self.addEventListener("activate", (event) => {
  const tidy = async (): Promise<void> => {
    for (const name of await caches.keys()) {
      if (name.startsWith("phiz-") && name !== NAME) await caches.delete(name);
    }
    await self.clients.claim();
  };
  event.waitUntil(tidy());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || new URL(request.url).origin !== self.location.origin) return;
  event.respondWith(answer(request));
});

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
