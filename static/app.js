// Behaviour shared by all pages: CSRF for htmx, signing in again in place, confirmation, unsaved
// changes, double clicks. Every page works without it. The hooks are listed in docs/design.md.

const RETRY_UNLOCK_MS = 8000;

// --- CSRF ------------------------------------------------------------------------------------

let csrfMeta = document.querySelector('meta[name="csrf-token"]')?.content ?? "";

/** The cookie is fresher than the page: signing in elsewhere changes it. */
function csrfToken() {
  const cookie = document.cookie.match(/(?:^|; )(?:__\w+-)?csrftoken=([^;]+)/);
  return cookie ? decodeURIComponent(cookie[1]) : csrfMeta;
}

function refreshHiddenTokens() {
  const token = csrfToken();
  for (const input of document.querySelectorAll('input[name="csrfmiddlewaretoken"]')) input.value = token;
}

document.addEventListener("htmx:configRequest", (event) => {
  const { headers, verb, formData } = event.detail;
  headers["X-CSRFToken"] = csrfToken();
  // Django prefers the field to the header, and the field may be stale.
  if (verb !== "get") formData.delete("csrfmiddlewaretoken");
});

// --- Notices ---------------------------------------------------------------------------------

function toast(text, kind = "note") {
  const area = document.getElementById("toasts");
  if (!area) return;
  const line = document.createElement("div");
  line.className = `note toast-line ${kind === "error" ? "note-error" : "note-success"}`;
  const words = document.createElement("span");
  words.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "btn btn-sm btn-secondary";
  close.textContent = "Đóng";
  close.addEventListener("click", () => line.remove());
  line.append(words, close);
  area.replaceChildren(line);
  if (kind !== "error") setTimeout(() => line.remove(), 6000);
}

// --- Dialogs ---------------------------------------------------------------------------------

function openDialog(templateId) {
  const template = document.getElementById(templateId);
  if (!template) return null;
  const dialog = template.content.firstElementChild.cloneNode(true);
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
  return dialog;
}

function confirmStep(element) {
  return new Promise((resolve) => {
    const dialog = openDialog("confirm-dialog");
    if (!dialog) return resolve(true);
    const { confirm, confirmTitle, confirmOk, confirmDanger } = element.dataset;
    dialog.querySelector('[data-slot="text"]').textContent = confirm;
    if (confirmTitle) dialog.querySelector("h2").textContent = confirmTitle;
    const ok = dialog.querySelector('[data-slot="ok"]');
    if (confirmOk) ok.textContent = confirmOk;
    if (confirmDanger !== undefined) ok.classList.replace("btn-primary", "btn-danger");
    for (const button of dialog.querySelectorAll("button")) {
      button.addEventListener("click", () => dialog.close(button.value));
    }
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "ok"));
  });
}

const confirmed = new WeakSet();

// In the capture phase, so that htmx and the browser see only what has been confirmed.
document.addEventListener("click", async (event) => {
  const element = event.target.closest?.("a[data-confirm], button[data-confirm]");
  if (!element || confirmed.delete(element)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (element.form && element.type === "submit" && !element.formNoValidate && !element.form.reportValidity()) return;
  if (!(await confirmStep(element))) return;
  confirmed.add(element);
  element.click();
  confirmed.delete(element);
}, true);

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("form[data-confirm]") || confirmed.delete(form)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const submitter = event.submitter;
  if (!(await confirmStep(form))) return;
  confirmed.add(form);
  form.requestSubmit(submitter);
  confirmed.delete(form);
}, true);

// --- An expired session ------------------------------------------------------------------------

const signedInAs = document.querySelector('meta[name="signed-in-as"]')?.content ?? "";

/** Reads a page of ours: whose session it was drawn for, and its CSRF token. */
async function readPage(response) {
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  return {
    user: page.querySelector('meta[name="signed-in-as"]')?.content ?? "",
    token: page.querySelector('meta[name="csrf-token"]')?.content ?? "",
  };
}

function takeToken(page) {
  if (page.token) csrfMeta = page.token;
  refreshHiddenTokens();
}

let signingIn = null;

/** Asks for the password in place. Resolves to true once the same person is signed in again. */
function signInAgain() {
  signingIn ??= askForPassword().finally(() => { signingIn = null; });
  return signingIn;
}

async function askForPassword() {
  const loginUrl = document.getElementById("login-dialog")?.content.querySelector("form").dataset.loginUrl;
  if (!loginUrl) {
    location.reload();
    return false;
  }
  // Signed in again in another window meanwhile?
  const before = await readPage(await fetch(loginUrl));
  takeToken(before);
  if (before.user) return acceptPerson(before);

  const dialog = openDialog("login-dialog");
  const form = dialog.querySelector("form");
  const password = form.elements.password;
  const error = dialog.querySelector("#relogin-error");
  dialog.querySelector('button[value="cancel"]').addEventListener("click", () => dialog.close("cancel"));
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "done"));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      event.stopImmediatePropagation();
      const button = event.submitter ?? form.querySelector('button[type="submit"]');
      button.disabled = true;
      error.textContent = "";
      try {
        const response = await fetch(loginUrl, {
          method: "POST",
          headers: { "X-CSRFToken": csrfToken(), "X-Requested-With": "XMLHttpRequest", Accept: "application/json" },
          body: new URLSearchParams({ login: form.elements.login.value, password: password.value }),
        });
        const answer = await response.json().catch(() => ({}));
        if (response.ok && answer.data?.username) {
          takeToken({ token: answer.data.csrf_token });
          dialog.close(acceptPerson({ user: answer.data.username }) ? "done" : "cancel");
        } else if (/\/2fa\//.test(answer.location ?? "")) {
          error.textContent = "Tài khoản này cần mã xác thực hai lớp: hãy đăng nhập ở cửa sổ khác rồi quay lại.";
        } else if (response.status === 429) {
          error.textContent = "Đã thử quá nhiều lần. Hãy đợi ít phút rồi thử lại.";
        } else {
          error.textContent = answer.form?.errors?.[0] ?? answer.message ?? "Mật khẩu không đúng.";
        }
      } catch {
        error.textContent = "Không kết nối được máy chủ. Hãy kiểm tra mạng rồi thử lại.";
      } finally {
        button.disabled = false;
        if (error.textContent) password.select();
      }
    });
    password.focus();
  });
}

function acceptPerson(page) {
  if (page.user === signedInAs) return true;
  toast(`Đang đăng nhập bằng tài khoản khác (${page.user}). Hãy tải lại trang.`, "error");
  return false;
}

async function repeatAfterSignIn({ requestConfig, target, elt }) {
  if (!(await signInAgain())) {
    markUnsaved(elt, "Chưa lưu: phiên làm việc đã hết hạn.");
    return;
  }
  const values = requestConfig.unfilteredFormData ?? requestConfig.formData;
  values.delete("csrfmiddlewaretoken");
  await window.htmx.ajax(requestConfig.verb, requestConfig.path, { source: elt, target, values });
}

/** Whether the session still lives: asked before a plain form with much typing leaves the page. */
async function sessionLives() {
  const probe = document.querySelector('.user-menu a[href*="password"]')?.href;
  if (!probe) return true;
  try {
    const response = await fetch(probe, { headers: { "HX-Request": "true" } });
    return response.status !== 401 && !(response.redirected && response.url.includes("/login"));
  } catch {
    return true; // No network: the browser's own message says so better.
  }
}

// --- Answers htmx gets -------------------------------------------------------------------------

function saveStateOf(element) {
  const scope = element.closest?.("form, [data-row]") ?? element;
  return scope.querySelector?.("[data-save-state]");
}

function markUnsaved(element, text) {
  const place = saveStateOf(element);
  if (!place) return toast(text, "error");
  place.className = "save-state is-error";
  place.textContent = text;
}

function isWholePage(text) {
  return /^\s*<!doctype html/i.test(text);
}

/** A form's own request saves it; an input's only asks about what is being typed (a suggestion). */
function saves(event) {
  return event.detail.elt.matches("form") && event.detail.requestConfig.verb !== "get";
}

document.addEventListener("htmx:beforeRequest", (event) => {
  if (!saves(event)) return;
  const place = saveStateOf(event.detail.elt);
  if (!place) return;
  place.className = "save-state";
  place.textContent = "Đang lưu …";
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, elt } = event.detail;
  if (xhr.status < 400 || !isWholePage(xhr.responseText)) return;
  event.detail.shouldSwap = false;
  const page = new DOMParser().parseFromString(xhr.responseText, "text/html");
  const reason = page.querySelector("[data-error-message]")?.textContent.trim();
  const fallback = xhr.status < 500 ? "Yêu cầu không được chấp nhận." : "Máy chủ gặp lỗi. Hãy thử lại.";
  markUnsaved(elt, `${reason || fallback} Nội dung đang nhập vẫn còn trên màn hình.`);
});

document.addEventListener("htmx:responseError", (event) => {
  const { xhr, elt } = event.detail;
  if (elt.matches("input, select, textarea")) return; // a suggestion: nothing was being saved
  if (xhr.status === 401) return void repeatAfterSignIn(event.detail);
  const swapped = [400, 403, 409, 413, 422].includes(xhr.status);
  if (swapped || isWholePage(xhr.responseText)) return;
  markUnsaved(elt, xhr.status === 404 ? "Không tìm thấy, hoặc không thuộc phạm vi được xem." : "Chưa lưu: máy chủ gặp lỗi. Hãy thử lại.");
});

for (const name of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, (event) => {
    if (event.detail.elt.matches("input, select, textarea")) return; // nothing was being saved
    markUnsaved(event.detail.elt, "Mất kết nối, chưa lưu. Có mạng lại thì bấm Lưu.");
  });
}

function focusErrorSummary(root) {
  const summary = root.matches?.("[data-error-summary]") ? root : root.querySelector?.("[data-error-summary]");
  summary?.focus();
}
document.addEventListener("htmx:load", (event) => focusErrorSummary(event.detail.elt));
focusErrorSummary(document);

// --- Unsaved changes ----------------------------------------------------------------------------

const dirty = new Set();

document.addEventListener("input", (event) => {
  const form = event.target.form ?? event.target.closest?.("form");
  if (form?.matches("[data-warn-unsaved]")) dirty.add(form);
});
// What was typed before the scripts came, or put back by the browser, counts as typed now.
document.addEventListener("htmx:load", (event) => {
  if (event.detail.elt !== document.body) return;
  for (const field of document.querySelectorAll("[data-warn-unsaved] :is(input, textarea)")) {
    const ticked = field.matches("[type=radio], [type=checkbox]") && field.checked !== field.defaultChecked;
    const typed = !field.matches("[type=radio], [type=checkbox], [type=hidden]") && field.value !== field.defaultValue;
    if (typed || (ticked && (field.checked || field.type === "checkbox"))) field.dispatchEvent(new Event("input", { bubbles: true }));
  }
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful && saves(event)) dirty.delete(event.detail.elt);
});
// A refusal is drawn in the form's place: what was typed stands in the answer, and nowhere else.
const refused = new Set();
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const form = detail.requestConfig?.elt ?? detail.elt;
  if (detail.xhr.status >= 400 && detail.shouldSwap && form.matches("form[data-warn-unsaved]")) refused.add(form.getAttribute("hx-post"));
});
document.addEventListener("htmx:afterSwap", () => {
  for (const address of refused) {
    const form = document.querySelector(`form[hx-post="${CSS.escape(address)}"][data-warn-unsaved]`);
    if (form) dirty.add(form);
  }
  refused.clear();
});
window.addEventListener("beforeunload", (event) => {
  // A form replaced by a swap is gone, and so is its claim.
  if ([...dirty].some((form) => form.isConnected)) event.preventDefault(), (event.returnValue = "");
});

// --- What is typed while a save is under way -----------------------------------------------------

const asSent = new WeakMap();
const typedSince = new Map();

/** The form's own fields by name, as a person sees them. */
function valuesOf(form) {
  const values = new Map();
  for (const field of form.elements) {
    if (!field.name || field.type === "hidden" || field.type === "file") continue;
    if (field.type === "radio") {
      if (field.checked || !values.has(field.name)) values.set(field.name, field.checked ? field.value : "");
    } else values.set(field.name, field.type === "checkbox" ? field.checked : field.value);
  }
  return values;
}

document.addEventListener("htmx:beforeRequest", (event) => {
  if (saves(event) && event.detail.elt.matches("[data-warn-unsaved]")) {
    asSent.set(event.detail.elt, valuesOf(event.detail.elt));
  }
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const form = event.detail.requestConfig?.elt ?? event.detail.elt;
  const before = asSent.get(form);
  asSent.delete(form);
  if (!before) return;
  const newer = [...valuesOf(form)].filter(([name, value]) => before.get(name) !== value);
  if (newer.length) typedSince.set(form.getAttribute("hx-post"), newer);
});

// The answer's form takes over what was typed since it was asked for; it isn't saved, and says so.
document.addEventListener("htmx:afterSettle", () => {
  for (const [address, newer] of typedSince) {
    const form = document.querySelector(`form[hx-post="${CSS.escape(address)}"][data-warn-unsaved]`);
    typedSince.delete(address);
    if (!form) continue;
    for (const [name, value] of newer) {
      for (const field of form.elements) {
        if (field.name !== name) continue;
        if (field.type === "radio") field.checked = field.value === value;
        else if (field.type === "checkbox") field.checked = value;
        else field.value = value;
        field.closest("details")?.setAttribute("open", "");
      }
    }
    dirty.add(form);
    markUnsaved(form, "Đã lưu phần trước; nội dung vừa nhập thêm chưa lưu.");
  }
});

// --- Plain forms: session check, double click -----------------------------------------------------

const sent = new WeakSet();
const sessionChecked = new WeakSet();

function isPlainPost(form) {
  const byHtmx = ["hx-post", "hx-put", "hx-patch", "hx-delete"].some((name) => form.hasAttribute(name));
  return form.method === "post" && !byHtmx && !form.closest('[hx-boost="true"]');
}

async function submitIfSessionLives(form, submitter) {
  if (!(await sessionLives()) && !(await signInAgain())) {
    toast("Chưa gửi: phiên làm việc đã hết hạn. Nội dung vẫn còn trên màn hình.", "error");
    return;
  }
  sessionChecked.add(form);
  if (form.hasAttribute("data-confirm")) confirmed.add(form);
  form.requestSubmit(submitter);
  sessionChecked.delete(form);
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || !isPlainPost(form)) return;
  if (sent.has(form)) return event.preventDefault();
  const token = form.elements.namedItem("csrfmiddlewaretoken");
  if (token) token.value = csrfToken() || token.value;
  if (form.matches("[data-warn-unsaved]") && !sessionChecked.has(form)) {
    event.preventDefault();
    submitIfSessionLives(form, event.submitter);
    return;
  }
  dirty.delete(form);
  if (form.matches("[data-allow-repeat]") || form.target === "_blank") return;
  sent.add(form);
  const button = event.submitter;
  // After this event, so that the button's own name and value are still sent.
  if (button) setTimeout(() => { button.disabled = true; }, 0);
  setTimeout(() => unlock(form, button), RETRY_UNLOCK_MS);
});

function unlock(form, button) {
  sent.delete(form);
  if (button) button.disabled = false;
}

window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload(); // Back from the history: buttons and figures may be stale.
});

document.addEventListener("change", (event) => {
  const form = event.target.form;
  if (form?.matches("[data-autosubmit]") && event.target.matches("select, [type=checkbox], [type=radio]")) {
    form.requestSubmit();
  }
});

// --- Menus ---------------------------------------------------------------------------------------

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

window.ntm = { csrfToken, toast, signInAgain };
