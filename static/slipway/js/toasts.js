// Toasts: messages of the server and of scripts. Errors stay until they are closed; the rest leaves unless pointed at.
(() => {
  const STAY = 6000;
  const holder = document.querySelector("[data-toasts]");
  const template = document.getElementById("toast-template");
  if (!holder || !template) return;
  const sprite = template.content.querySelector(".copy-button use").getAttribute("href").split("#")[0];

  const leaveLater = (toast) => {
    if (toast.classList.contains("tone-red") || toast.classList.contains("tone-amber")) return;
    let timer = setTimeout(() => toast.remove(), STAY);
    const hold = () => clearTimeout(timer);
    const release = () => { timer = setTimeout(() => toast.remove(), STAY / 2); };
    toast.addEventListener("mouseenter", hold);
    toast.addEventListener("mouseleave", release);
    toast.addEventListener("focusin", hold);
    toast.addEventListener("focusout", release);
  };
  holder.querySelectorAll(".toast").forEach(leaveLater);

  document.addEventListener("slipway:toast", (event) => {
    const { text, tone, icon } = event.detail;
    const toast = template.content.firstElementChild.cloneNode(true);
    toast.classList.add(`tone-${tone}`);
    toast.querySelector("use").setAttribute("href", `${sprite}#${icon}`);
    toast.querySelector("p").textContent = text;
    if (tone === "red") toast.setAttribute("role", "alert");
    holder.append(toast);
    leaveLater(toast);
  });
  holder.addEventListener("click", (event) => {
    if (event.target.closest("[data-toast-close]")) event.target.closest(".toast").remove();
  });
})();
