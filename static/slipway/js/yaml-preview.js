// The YAML beside a form, changing as one types: <form data-preview="URL" data-preview-into="#yaml"> is posted there
// (never saved) and the answered fragment is morphed into place. A 422 is a preview too: it says what is wrong.
(() => {
  const DEBOUNCE = 250;

  slipway.enhance("form[data-preview]", (form) => {
    let timer = 0;
    let asked = null;
    const refresh = async () => {
      const into = document.querySelector(form.dataset.previewInto);
      if (!into) return;
      asked?.abort();
      asked = new AbortController();
      into.setAttribute("aria-busy", "true");
      try {
        const html = await slipway.fetchFragment(form.dataset.preview, { method: "POST", body: new FormData(form), headers: { "X-CSRFToken": slipway.csrf() }, signal: asked.signal });
        if (html !== null) slipway.morph(into, html);
        into.removeAttribute("aria-busy");
      } catch (error) {
        if (error.name === "AbortError") return;
        into.removeAttribute("aria-busy");
        slipway.toast(slipway.words(error instanceof slipway.Gone ? "SignedOut" : "Failed"), "amber", "wifi-off");
      }
    };
    const later = () => { clearTimeout(timer); timer = setTimeout(refresh, DEBOUNCE); };
    form.addEventListener("input", later);
    form.addEventListener("change", later);
    if (form.hasAttribute("data-preview-now")) refresh();
  });
})();
