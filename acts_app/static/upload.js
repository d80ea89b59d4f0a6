// The upload form: preview, smaller photos, a progress bar, and nothing typed is lost when the network fails.
import { pageHeaders } from "./net.js";
import { shrink } from "./shrink.js";

export function initUpload() {
  const form = document.querySelector("form[data-upload]");
  if (!form) return;
  const state = { photo: null, preparing: null };
  const input = form.elements.photo;
  input.addEventListener("change", () => input.files[0] && choose(form, state, input.files[0]));
  acceptDrops(form, state);
  toggleNewCategory(form);
  form.elements.category.addEventListener("change", () => toggleNewCategory(form));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(form, state);
  });
}

function acceptDrops(form, state) {
  const area = form.querySelector(".drop");
  const over = (event, is) => {
    event.preventDefault();
    area.classList.toggle("over", is);
  };
  area.addEventListener("dragover", (event) => over(event, true));
  area.addEventListener("dragleave", (event) => over(event, false));
  area.addEventListener("drop", (event) => {
    over(event, false);
    const file = event.dataTransfer.files[0];
    if (!file) return;
    form.elements.photo.required = false;
    choose(form, state, file);
  });
}

function toggleNewCategory(form) {
  const isNew = form.elements.category.value === "";
  form.querySelector(".new-category").hidden = !isNew;
  form.elements.new_category.required = isNew;
}

function choose(form, state, file) {
  const caption = form.querySelector(".preview figcaption");
  tell(form, "");
  caption.textContent = "Preparing the photo…";
  state.preparing = shrink(file).then((photo) => {
    state.photo = photo;
    preview(form, photo);
    const size = photo === file ? megabytes(file.size) : `Made smaller: ${megabytes(file.size)} → ${megabytes(photo.size)}`;
    caption.textContent = `${size}. Press the photo to choose another.`;
  });
}

function preview(form, photo) {
  const image = form.querySelector(".preview img");
  if (image.src) URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(photo);
  form.querySelector(".preview").hidden = false;
}

function megabytes(bytes) {
  return bytes < 1_000_000 ? `${Math.max(1, Math.round(bytes / 1000))} KB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

async function submit(form, state) {
  const button = form.querySelector("button");
  button.disabled = true;
  tell(form, "");
  await state.preparing;
  if (state.photo && state.photo.size > Number(form.dataset.most)) {
    button.disabled = false;
    return tell(form, `That photo is too large: ${megabytes(Number(form.dataset.most))} are the most.`);
  }
  form.elements.when.value = localTime();
  const body = new FormData(form);
  if (state.photo) body.set("photo", state.photo, state.photo.name);
  send(form, body, button);
}

function localTime() {
  const now = new Date();
  return new Date(now - now.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

// XMLHttpRequest, because fetch does not tell how much of a body has been sent.
function send(form, body, button) {
  const request = new XMLHttpRequest();
  const bar = form.querySelector("progress");
  const sending = form.querySelector(".sending");
  const failed = (words) => {
    sending.hidden = true;
    button.disabled = false;
    button.textContent = "Try again";
    tell(form, words);
  };
  request.upload.addEventListener("progress", (event) => event.lengthComputable && (bar.value = (100 * event.loaded) / event.total));
  request.addEventListener("load", () => finish(request, failed));
  request.addEventListener("error", () => failed("The photo did not get through. Check the network and try again; nothing is lost."));
  request.open("POST", form.action);
  Object.entries(pageHeaders()).forEach(([name, value]) => request.setRequestHeader(name, value));
  bar.value = 0;
  sending.hidden = false;
  request.send(body);
}

function finish(request, failed) {
  let answer = {};
  try {
    answer = JSON.parse(request.responseText);
  } catch {
    // not JSON: some proxy's page
  }
  if (request.status === 201) location.assign(answer.location);
  else if (request.status === 401) location.assign("/login?next=/upload");
  else failed(answer.error ?? "That did not work. Please try again.");
}

function tell(form, words) {
  const place = form.querySelector("[data-problem]");
  place.hidden = !words;
  place.textContent = words;
}
