"""The drawings on buttons, made once: they are on every card of every page."""

from markupsafe import Markup

FRAME = Markup('<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">{}</svg>')
PATHS = {
    "sprout": '<path class="leaf" d="M12 13C12 8.5 8.8 6 4 6c0 4.6 3 7 8 7Z"/>'
    '<path class="leaf" d="M12 11c0-4.2 3-7 8-7 0 4.4-2.9 7-8 7Z"/><path d="M12 21V10"/>',
    "share": '<path d="M12 15V4M8 7.5 12 3.5l4 4M5 12.5V19a1.5 1.5 0 0 0 1.5 1.5h11A1.5 1.5 0 0 0 19 19v-6.5"/>',
    "trash": '<path d="M4.5 6.5h15M9.5 6.5V4.2h5v2.3M6.5 6.5l.9 13.3h9.2l.9-13.3M10.2 10.5v5.5M13.8 10.5v5.5"/>',
    "camera": '<path d="M3.5 8.2h4L9.3 5.5h5.4l1.8 2.7h4v11h-17Z"/><circle cx="12" cy="13.4" r="3.6"/>',
    "home": '<path d="M3.8 11 12 4l8.2 7M6 9.5V20h12V9.5"/>',
    "person": '<circle cx="12" cy="8.3" r="3.9"/><path d="M4.5 20.5c.8-4 3.6-6 7.5-6s6.7 2 7.5 6"/>',
    "back": '<path d="M19.5 12H5M11 5.5 4.5 12l6.5 6.5"/>',
}
ICONS = {name: FRAME.format(Markup(path)) for name, path in PATHS.items()}  # noqa: S704 - our own drawings
