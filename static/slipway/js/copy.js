// Buttons that copy: data-copy holds the text, data-done what to say afterwards.
(() => {
  const SHOWN = 1400;

  const write = async (text) => {
    if (navigator.clipboard && isSecureContext) return navigator.clipboard.writeText(text);
    // Plain HTTP on a host name has no clipboard API; a selection in a text area still copies.
    const area = document.createElement("textarea");
    area.value = text;
    area.style.position = "fixed";
    area.style.opacity = "0";
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    return undefined;
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    event.preventDefault();
    await write(button.dataset.copy);
    const use = button.querySelector("use");
    const label = button.querySelector("[data-copy-label]");
    if (button.classList.contains("is-done")) return;
    const before = { icon: use?.getAttribute("href"), label: label?.textContent, name: button.getAttribute("aria-label") };
    button.classList.add("is-done");
    use?.setAttribute("href", `${before.icon.split("#")[0]}#check`);
    if (label) label.textContent = button.dataset.done;
    else button.setAttribute("aria-label", button.dataset.done);
    setTimeout(() => {
      button.classList.remove("is-done");
      if (use) use.setAttribute("href", before.icon);
      if (label) label.textContent = before.label;
      else if (before.name) button.setAttribute("aria-label", before.name);
    }, SHOWN);
  });
})();
