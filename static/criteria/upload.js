// Sends the files of a form[data-upload] one by one, with progress and a message each, so that a
// weak network loses one file at most. Without this script the form is an ordinary post.

const MB = 1024 * 1024;
let running = 0;

window.addEventListener("beforeunload", (event) => {
  if (running) event.preventDefault(), (event.returnValue = "");
});

// In the capture phase: app.js must not take this for an ordinary post.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("form[data-upload]")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  sendAll(form);
}, true);

for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    const form = event.target.closest?.("form[data-upload]");
    if (!form || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    form.classList.toggle("is-over", name === "dragenter" || name === "dragover");
    if (name === "drop") form.querySelector('input[type="file"]').files = event.dataTransfer.files;
  });
}

async function sendAll(form) {
  const input = form.querySelector('input[type="file"]');
  const files = [...input.files];
  if (!files.length || form.dataset.busy) return;
  form.dataset.busy = "1";
  running += 1;
  const button = form.querySelector('button[type="submit"]');
  button.disabled = true;
  form.querySelector("[data-upload-list]").replaceChildren();
  const rows = files.map((file) => addRow(form, file));
  let stored = 0;
  for (const row of rows) stored += await sendOne(form, row);
  input.value = "";
  button.disabled = false;
  delete form.dataset.busy;
  running -= 1;
  if (stored) await refresh(form, stored === files.length);
}

function addRow(form, file) {
  const item = document.createElement("li");
  const name = document.createElement("div");
  name.className = "file-name";
  name.textContent = file.name;
  const progress = document.createElement("progress");
  progress.className = "d-block w-100";
  progress.max = 100;
  progress.value = 0;
  progress.setAttribute("aria-label", `Đang tải ${file.name}`);
  const state = document.createElement("div");
  state.className = "save-state";
  state.textContent = "Đang chờ";
  item.append(name, progress, state);
  form.querySelector("[data-upload-list]").append(item);
  return { file, item, progress, state };
}

/** Resolves to 1 where the file was stored, else 0. */
async function sendOne(form, row) {
  const problem = foreseen(form, row.file);
  if (problem) return fail(row, problem);
  show(row, true);
  say(row, "Đang tải …");
  let answer = await post(form, row);
  if (answer.status === 401 && (await window.ntm.signInAgain())) answer = await post(form, row);
  if (answer.status === 401) return fail(row, "Chưa tải được: phiên làm việc đã hết hạn.", form);
  if (answer.status === 0) return fail(row, "Mất kết nối, tệp chưa được lưu.", form);
  const result = answer.body?.files?.[0];
  if (result?.ok) {
    show(row, false);
    say(row, result.message, "is-saved");
    return 1;
  }
  const message = result?.message ?? answer.body?.message ?? "Máy chủ chưa nhận được tệp này. Hãy thử lại.";
  return fail(row, message, answer.status >= 500 ? form : null);
}

/** What the server would refuse anyway, said before a weak network has carried it. */
function foreseen(form, file) {
  const limits = JSON.parse(form.dataset.limits);
  const limit = limits[file.name.split(".").pop().toLowerCase()];
  if (file.size === 0) return `Tệp “${file.name}” rỗng (0 byte). Hãy kiểm tra lại tệp trên máy rồi tải lại.`;
  if (limit && file.size > limit) {
    const size = (file.size / MB).toLocaleString("vi-VN", { maximumFractionDigits: 1 });
    return `Tệp “${file.name}” nặng ${size} MB, vượt quá ${limit / MB} MB cho phép. Hãy giảm dung lượng hoặc tách thành nhiều tệp.`;
  }
  return "";
}

function post(form, row) {
  const data = new FormData(form);
  data.delete("files");
  data.delete("csrfmiddlewaretoken"); // the header is fresher, and Django prefers the field
  data.append("files", row.file);
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRFToken", window.ntm.csrfToken());
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => {
      if (!event.lengthComputable) return;
      row.progress.value = (event.loaded / event.total) * 100;
      say(row, event.loaded < event.total ? `Đang tải ${Math.floor(row.progress.value)} %` : "Đang kiểm tra …");
    });
    request.addEventListener("loadend", () => resolve({ status: request.status, body: request.response }));
    request.send(data);
  });
}

function show(row, visible) {
  row.progress.classList.toggle("d-none", !visible);
  row.progress.classList.toggle("d-block", visible);
}

function say(row, text, look = "") {
  row.state.className = `save-state ${look}`.trim();
  row.state.textContent = text;
}

function fail(row, message, retryForm = null) {
  show(row, false);
  say(row, message, "is-error");
  if (retryForm) {
    const again = document.createElement("button");
    again.type = "button";
    again.className = "btn btn-sm btn-secondary";
    again.textContent = "Thử lại";
    again.addEventListener("click", async () => {
      again.remove();
      running += 1;
      const stored = await sendOne(retryForm, row);
      running -= 1;
      if (stored) await refresh(retryForm, false);
    });
    row.item.append(again);
  }
  return 0;
}

/** Shows the list as it is now; what was refused stays readable below it. */
async function refresh(form, all) {
  const own = form.closest("[data-evidence-panel]");
  const panel = own?.isConnected ? own : document.getElementById(own?.id ?? ""); // redrawn meanwhile
  if (panel?.dataset.reload !== undefined) {
    if (all) location.reload();
    return;
  }
  const list = panel?.querySelector("[data-evidence-list]");
  if (!list) return;
  const answer = await fetch(list.dataset.url, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("[data-evidence-list]");
  if (!fresh) return;
  list.replaceWith(fresh);
  window.htmx?.process(fresh);
}
