"use strict";
(() => {
  const contents = document.querySelector(".contents > details");
  const wide = matchMedia("(min-width: 90rem)");
  const small = matchMedia("(max-width: 50rem)");

  function fit() {
    contents.open = wide.matches;
    for (const hint of document.querySelectorAll(".enlarge")) hint.hidden = !small.matches;
  }

  function unfold() {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let one = target.querySelector(":scope > details") || target; one; one = one.parentElement) {
      if (one.tagName === "DETAILS") one.open = true;
    }
    target.scrollIntoView();
  }

  function enlarge(sheet) {
    if (!small.matches) return;
    const large = sheet.classList.toggle("large");
    const hint = sheet.parentElement.querySelector(".enlarge");
    if (hint) hint.textContent = large ? "Swipe sideways; tap to fit it again." : "Tap the figure to enlarge it.";
  }

  for (const sheet of document.querySelectorAll(".sheet")) {
    sheet.addEventListener("click", () => enlarge(sheet));
    sheet.addEventListener("keydown", (event) => event.key === "Enter" && enlarge(sheet));
  }
  for (const link of document.querySelectorAll(".contents a")) {
    link.addEventListener("click", () => { if (!wide.matches) contents.open = false; });
  }
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("main details:not([open])")];
    for (const one of folded) one.open = true;
  });
  addEventListener("afterprint", () => { for (const one of folded) one.open = false; });
  addEventListener("hashchange", unfold);
  wide.addEventListener("change", fit);
  small.addEventListener("change", fit);
  fit();
  unfold();
})();
(() => {
  const holder = document.getElementById("paths");
  if (!holder) return;
  const { steps, height, width, sets } = JSON.parse(holder.textContent);
  const slider = document.getElementById("moment");
  const output = document.getElementById("step");
  const play = document.getElementById("play");
  const radios = [...document.querySelectorAll("input[name=set]")];
  const cells = [...document.querySelectorAll(".cell")];
  const last = steps.length - 1;
  const images = new Map();
  let timer = null;

  function picture(uri) {
    if (!images.has(uri)) {
      const image = new Image();
      image.onload = show;
      image.src = uri;
      images.set(uri, image);
    }
    return images.get(uri);
  }

  function drawCell(cell, uri) {
    cell.hidden = uri === undefined; // the grid has no such cell
    cell.querySelector(".images").hidden = !uri;
    cell.querySelector(".hole").hidden = Boolean(uri);
    if (!uri) return;
    const image = picture(uri);
    if (!image.complete) return;
    cell.querySelectorAll("canvas").forEach((canvas, row) => {
      const context = canvas.getContext("2d");
      context.drawImage(image, slider.value * width, row * height, width, height, 0, 0, width, height);
    });
  }

  function show() {
    const name = radios.find((radio) => radio.checked).value;
    const chosen = sets.find((one) => one.name === name).cells;
    for (const cell of cells) {
      drawCell(cell, chosen[cell.dataset.model]);
    }
    const text = `t = ${steps[slider.value]}`;
    output.textContent = text;
    slider.setAttribute("aria-valuetext", text);
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
    play.setAttribute("aria-label", "Play the reverse process");
  }

  function start() {
    if (Number(slider.value) === last) slider.value = 0;
    show();
    play.textContent = "Pause";
    play.setAttribute("aria-label", "Pause the reverse process");
    timer = setInterval(() => {
      slider.value = Number(slider.value) + 1;
      show();
      if (Number(slider.value) === last) stop();
    }, 140);
  }

  play.addEventListener("click", () => (timer ? stop() : start()));
  slider.addEventListener("input", () => {
    stop();
    show();
  });
  for (const radio of radios) radio.addEventListener("change", show);
  show();
})();
