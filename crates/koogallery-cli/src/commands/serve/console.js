"use strict";
// Adds calls and requests to the page as they happen. Everything is shown as text.
(() => {
  const SHOWN = 100;
  const page = document.querySelector("main");
  const live = document.getElementById("live");
  const { calls, requests } = page.dataset;
  const source = new EventSource(`/_marketplace/events?calls=${calls}&requests=${requests}`);
  source.onopen = () => { live.textContent = "live"; };
  source.onerror = () => { live.textContent = "not connected; reload for what is new"; };

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
    refresh();
  };

  // The table of instances, unless it is being used.
  let waiting = 0;
  const refresh = () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const old = document.getElementById("instances");
      if (!old || old.contains(document.activeElement) || old.querySelector("details[open]")) return;
      const answer = await fetch("/_marketplace", { headers: { Accept: "text/html" } });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("instances");
      if (fresh) old.replaceWith(document.adoptNode(fresh));
    }, 200);
  };

  const lists = { call: document.getElementById("calls"), request: document.getElementById("requests") };
  for (const [kind, list] of Object.entries(lists)) {
    if (list) source.addEventListener(kind, add(list));
  }
})();
