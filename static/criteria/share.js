// "Chép tin nhắn" and the phone's own sharing, for a text that also stands on the page to be copied by hand.
for (const bar of document.querySelectorAll("[data-share]")) {
  const text = document.getElementById(bar.dataset.share);
  const copy = bar.querySelector("[data-copy]");
  const share = bar.querySelector("[data-web-share]");
  if (navigator.clipboard) {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text.value);
        window.ntm.toast("Đã chép tin nhắn.");
      } catch {
        text.focus();
        text.select();
        window.ntm.toast("Không chép được; tin nhắn đã được chọn, hãy chép bằng tay.", "error");
      }
    });
  }
  if (navigator.share) {
    share.hidden = false;
    share.addEventListener("click", () => navigator.share({ text: text.value }).catch(() => {}));
  }
}
