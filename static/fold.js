// On a phone the filters are folded until asked for; narrowed lists keep them open.
if (window.matchMedia("(max-width: 47.99rem)").matches) {
  for (const fold of document.querySelectorAll("details[data-fold]")) fold.open = false;
}
