// What the other scripts share: enhancing content now and after a morph, fetching fragments, toasts, the CSRF token.
window.slipway = (() => {
  const enhancers = [];

  const run = (root, selector, fn) => {
    if (root instanceof Element && root.matches(selector)) fn(root);
    root.querySelectorAll(selector).forEach(fn);
  };

  // Calls fn once per matching element, now and whenever content arrives; fn itself must tolerate a second call.
  const enhance = (selector, fn) => {
    const once = new WeakSet();
    const guarded = (element) => {
      if (once.has(element)) return;
      once.add(element);
      fn(element);
    };
    enhancers.push([selector, guarded]);
    run(document, selector, guarded);
  };
  const arrived = (root) => {
    enhancers.forEach(([selector, fn]) => run(root, selector, fn));
    document.dispatchEvent(new CustomEvent("slipway:content", { detail: root }));
  };

  const csrf = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";
  const words = (name) => document.body.dataset[`words${name}`] ?? "";

  // Replaces what is inside `region` by `html` without losing focus, selection, scroll or what is open.
  const morph = (region, html, style = "innerHTML") => {
    Idiomorph.morph(region, html, {
      morphStyle: style,
      ignoreActiveValue: true,
      callbacks: {
        beforeNodeMorphed: (old) => !(old instanceof Element && (old.hasAttribute("data-preserve") || old.matches("dialog[open]"))),
        beforeAttributeUpdated: (name, node) => !(name === "open" && node.tagName === "DETAILS") && !(name === "aria-selected") && !(name === "tabindex" && node.tagName === "TR"),
      },
    });
    arrived(region);
  };

  class Gone extends Error {}

  const fetchFragment = async (url, options = {}) => {
    const response = await fetch(url, { credentials: "same-origin", ...options, headers: { "X-Slipway-Fragment": "1", Accept: "text/html", ...options.headers } });
    if (response.redirected && !options.method && new URL(response.url).pathname !== new URL(url, location.href).pathname) throw new Gone("signed out");
    if (response.status === 401 || response.status === 403 || response.status === 404) throw new Gone(String(response.status));
    if (!response.ok && response.status !== 422) throw new Error(String(response.status));
    return response.status === 204 ? null : response.text();
  };

  const toast = (text, tone = "neutral", icon = "info") => document.dispatchEvent(new CustomEvent("slipway:toast", { detail: { text, tone, icon } }));

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-back]")) history.back();
    if (event.target.closest('[aria-disabled="true"]')) event.preventDefault();
  });
  document.querySelector("[data-focus]")?.focus();

  return { enhance, arrived, csrf, words, morph, fetchFragment, toast, Gone };
})();
