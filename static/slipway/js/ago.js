// Keeps relative times and running durations true, in the person's language and zone.
(() => {
  const TICK = 1000;
  const SLOW = 30;
  const language = document.documentElement.lang || "en";
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "long" });
  const exact = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "long" });
  const STEPS = [[60, "second", 1], [3600, "minute", 60], [86400, "hour", 3600], [2592000, "day", 86400], [31536000, "month", 2592000], [Infinity, "year", 31536000]];
  const pad = (number) => String(number).padStart(2, "0");

  const ago = (element) => {
    const moment = new Date(element.dateTime);
    const seconds = (moment - Date.now()) / 1000;
    const [, unit, size] = STEPS.find(([limit]) => Math.abs(seconds) < limit);
    const text = relative.format(Math.abs(seconds) < 10 ? 0 : (seconds < 0 ? Math.ceil(seconds / size) : Math.round(seconds / size)), unit);
    if (element.textContent !== text) element.textContent = text;
    const title = exact.format(moment);
    if (element.title !== title) element.title = title;
  };
  // The same words as the server's (`duration_text`), so that a fragment that arrives does not change them.
  const fill = (name, values) => slipway.words(name).replace(/\{(\w+)\}/g, (_all, unit) => values[unit]);
  const since = (element) => {
    const seconds = Math.max(0, Math.round((Date.now() - new Date(element.dataset.since)) / 1000));
    const [minutes, hours, days] = [60, 3600, 86400].map((size) => Math.floor(seconds / size));
    let text;
    if (seconds < 60) text = fill("Seconds", { seconds });
    else if (seconds < 3600) text = fill("Minutes", { minutes, seconds: pad(seconds % 60) });
    else if (seconds < 86400) text = fill("Hours", { hours, minutes: pad(minutes % 60) });
    else text = fill("Days", { days, hours: hours % 24 });
    if (element.textContent !== text) element.textContent = text;
  };

  let round = 0;
  const tick = (all) => {
    if (document.hidden) return;
    document.querySelectorAll("time[data-since]").forEach(since);
    document.querySelectorAll("time[data-ago]").forEach((element) => {
      const young = Date.now() - new Date(element.dateTime) < 90000;
      if (all || young || round % SLOW === 0) ago(element);
    });
    round += 1;
  };
  tick(true);
  setInterval(tick, TICK);
  document.addEventListener("visibilitychange", () => tick(true));
  document.addEventListener("slipway:content", () => tick(true));
})();
