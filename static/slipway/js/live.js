// Live regions: <div data-live="deployment:12 application:3" data-fragment="/…/fragment"> is fetched again and morphed in
// place when one of its topics changes. The stream only says which topics changed: `data: ["deployment:12"]`.
// data-poll="5" fetches a region every five seconds as well, while the page is looked at, for what announces nothing.
// data-page-title and data-page-tone on a region (or inside it) carry the state to the tab's title and icon.
(() => {
  const BATCH = 80;
  const POLL = 10000;
  const HIDDEN_GRACE = 30000;
  const RETRY_LONGEST = 15000;
  const base = document.body.dataset.stream;
  const banner = document.querySelector("[data-connection]");
  const favicon = document.getElementById("favicon");
  const plainIcon = favicon?.getAttribute("href");
  const due = new Set();
  const running = new Map();
  let source = null;
  let topicsAsked = "";
  let retry = 500;
  let timer = 0;
  let bannerTimer = 0;
  let polling = 0;

  const regions = () => [...document.querySelectorAll("[data-live][data-fragment]")];
  const topics = () => [...new Set(regions().flatMap((region) => region.dataset.live.split(/\s+/)).filter(Boolean))].sort().join(",");

  const showState = () => {
    const titled = document.querySelector("[data-page-title]");
    if (titled) document.title = `${titled.dataset.pageTitle} · Slipway`;
    const tone = document.querySelector("[data-page-tone]")?.dataset.pageTone;
    if (favicon) favicon.setAttribute("href", favicon.dataset[tone] ?? plainIcon);
  };

  const selecting = (region) => {
    const selection = getSelection();
    return !selection.isCollapsed && region.contains(selection.anchorNode);
  };

  const refresh = async (region) => {
    if (running.get(region)) {
      running.set(region, "again");
      return;
    }
    running.set(region, "once");
    try {
      const html = await slipway.fetchFragment(region.dataset.fragment);
      // A person who is selecting text keeps it; the region catches up when they let go.
      if (selecting(region)) document.addEventListener("selectionchange", () => { due.add(region); schedule(); }, { once: true });
      else if (html !== null && region.isConnected) {
        const root = new DOMParser().parseFromString(html, "text/html").body.firstElementChild;
        const whole = root?.dataset.fragment === region.dataset.fragment;
        slipway.morph(region, html, whole ? "outerHTML" : "innerHTML");
        showState();
        if (topics() !== topicsAsked) connect();
      }
    } catch (error) {
      if (error instanceof slipway.Gone) {
        region.removeAttribute("data-live");
        slipway.toast(slipway.words("SignedOut"), "amber", "lock");
      }
    } finally {
      const again = running.get(region) === "again";
      running.delete(region);
      if (again && region.isConnected) refresh(region);
    }
  };

  const schedule = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const batch = [...due];
      due.clear();
      batch.filter((region) => region.isConnected).forEach(refresh);
    }, BATCH);
  };
  const catchUp = () => { regions().forEach((region) => due.add(region)); schedule(); };

  const close = () => { source?.close(); source = null; };
  const poll = (on) => {
    clearInterval(polling);
    if (on) polling = setInterval(catchUp, POLL);
  };

  const connect = () => {
    close();
    topicsAsked = topics();
    if (!topicsAsked) return;
    source = new EventSource(`${base}?${new URLSearchParams({ topics: topicsAsked })}`);
    let first = true;
    source.onopen = () => {
      retry = 500;
      clearTimeout(bannerTimer);
      poll(false);
      if (banner) banner.hidden = true;
      // What changed while nobody listened is fetched now; the very first page is fresh only if nothing changed since it was rendered.
      if (first) catchUp();
      first = false;
    };
    source.onmessage = (event) => {
      const changed = new Set([].concat(JSON.parse(event.data)));
      regions().filter((region) => region.dataset.live.split(/\s+/).some((topic) => changed.has(topic))).forEach((region) => due.add(region));
      if (due.size) schedule();
    };
    source.onerror = () => {
      close();
      poll(true);
      bannerTimer = setTimeout(() => { if (banner && !source) banner.hidden = false; }, 2000);
      setTimeout(connect, retry);
      retry = Math.min(retry * 2, RETRY_LONGEST);
    };
  };

  // Browsers allow six connections per host: a page nobody looks at gives its own back and only polls.
  let hidden = 0;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hidden);
    if (document.hidden) hidden = setTimeout(() => { if (source) { close(); poll(true); } }, HIDDEN_GRACE);
    else if (!source) { poll(false); connect(); }
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => { if (event.persisted) connect(); });

  // One clock for all regions; each is due when its own seconds have passed.
  let ticks = 0;
  setInterval(() => {
    ticks += 1;
    if (document.hidden) return;
    document.querySelectorAll("[data-live][data-fragment][data-poll]").forEach((region) => {
      if (ticks % Number(region.dataset.poll) === 0) due.add(region);
    });
    if (due.size) schedule();
  }, 1000);

  showState();
  connect();
})();
