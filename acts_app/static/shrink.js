// Large photos are made smaller before they travel: a phone's 8 MB become half a megabyte, upright, and without the
// place where they were taken.
const LONGEST = 2048; // pixels: sharp on a large screen
const SMALL_ENOUGH = 600_000; // bytes: below it nothing is gained
const QUALITY = 0.86;

export async function shrink(file) {
  if (file.type === "image/gif") return file; // it may move
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return file; // the server says what is wrong with it
  }
  const scale = Math.min(1, LONGEST / Math.max(bitmap.width, bitmap.height));
  if (scale === 1 && file.size < SMALL_ENOUGH && file.type !== "image/jpeg") return file;
  const smaller = await draw(bitmap, scale);
  return smaller && (smaller.size < file.size || file.type === "image/jpeg") ? new File([smaller], "photo.jpg", { type: "image/jpeg" }) : file;
}

function draw(bitmap, scale) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff"; // JPEG has no transparency
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
}
