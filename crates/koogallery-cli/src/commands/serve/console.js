"use strict";
// Adds calls and requests to the page as they happen, and shows what else has changed. Everything is shown as text.
(() => {
  const SHOWN = 100;

  // What stands in the page beside the logs, unless it is being used.
  let waiting = 0;
  const isUsed = (part) => part.contains(document.activeElement) || part.querySelector("details[open]");
  const refresh = (after) => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const page = fetch(location.pathname + location.search, { headers: { Accept: "text/html" } });
      // Without an answer the page stays as it is.
      const text = await page.then((answer) => answer.text()).catch(() => "");
      const fresh = new DOMParser().parseFromString(text, "text/html");
      for (const old of document.querySelectorAll("[data-live]")) {
        const part = fresh.getElementById(old.id);
        if (part && !isUsed(old)) old.replaceWith(document.adoptNode(part));
      }
      watch();
    }, after);
  };
  // Work in the background.
  const watch = () => { if (document.querySelector("[data-busy]")) refresh(500); };
  watch();

  const live = document.getElementById("live");
  if (!live) return;
  const source = new EventSource(live.dataset.events);
  source.onopen = () => { live.textContent = live.dataset.textLive; };
  source.onerror = () => { live.textContent = live.dataset.textLost; };

  const add = (list) => (event) => {
    const { href, line, wrong } = JSON.parse(event.data);
    const entry = document.createElement("li");
    const link = document.createElement("a");
    link.href = href;
    link.textContent = line;
    entry.className = wrong ? "wrong" : "";
    entry.append(link);
    list.prepend(entry);
    while (list.children.length > SHOWN) list.lastElementChild.remove();
    refresh(100);
  };

  const lists = { call: document.getElementById("call-log"), request: document.getElementById("request-log") };
  for (const [kind, list] of Object.entries(lists)) {
    if (list) source.addEventListener(kind, add(list));
  }
  source.addEventListener("change", () => refresh(100));
})();
