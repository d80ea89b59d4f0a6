// Everything below works on top of pages that work without it: links and forms are there before any of this runs.
import { initFeed } from "./feed.js";
import { initRemoval } from "./removal.js";
import { initSharing } from "./share.js";
import { initUpload } from "./upload.js";
import { initVotes } from "./votes.js";

initVotes();
initSharing();
initFeed();
initRemoval();
initUpload();
