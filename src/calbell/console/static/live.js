// Keeps what is live on the page as it is on the server, while the page is looked at. Without this
// script the page is still right whenever it is loaded.
for (const region of document.querySelectorAll('[data-live]')) {
  let source = null;

  // What was unfolded, scrolled and focused stays so.
  const put = (html) => {
    const open = new Set(
      [...region.querySelectorAll('details[open]')].map((each) => each.dataset.key),
    );
    const scrolled = new Map(
      [...region.querySelectorAll('.scroll[id]')].map((each) => [each.id, each.scrollLeft]),
    );
    const focused = region.contains(document.activeElement) ? document.activeElement : null;
    const path = focused && [focused.id, focused.getAttribute('href'), focused.tagName];
    region.innerHTML = html;
    for (const details of region.querySelectorAll('details')) {
      details.open = open.has(details.dataset.key);
    }
    for (const [id, left] of scrolled) {
      const again = document.getElementById(id);
      if (again) again.scrollLeft = left;
    }
    if (path) {
      const [id, href, tag] = path;
      const same = [...region.querySelectorAll(tag)].find(
        (each) => each.id === id && each.getAttribute('href') === href,
      );
      same?.focus({ preventScroll: true });
    }
  };

  const stop = () => {
    source?.close();
    source = null;
    document.body.classList.remove('is-live');
  };

  const start = () => {
    if (source) return;
    source = new EventSource(region.dataset.live);
    source.onmessage = ({ data }) => {
      const html = JSON.parse(data);
      if (html) put(html);
      document.body.classList.add('is-live');
    };
    source.onerror = () => document.body.classList.remove('is-live');
  };

  document.addEventListener('visibilitychange', () => (document.hidden ? stop() : start()));
  addEventListener('pagehide', stop);
  if (!document.hidden) start();
}
