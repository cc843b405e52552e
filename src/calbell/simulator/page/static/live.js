// Keeps the page as it is on the server: pieces that have changed are put in, and forms are sent
// without leaving the page. Without this script the page is still right whenever it is loaded.
const wall = document.getElementById('wall');

// Notifications that were not on the screen before come in; what was unfolded stays so.
const put = (piece, html) => {
  const keys = (root, selector) =>
    new Set([...root.querySelectorAll(selector)].map((each) => each.dataset.key));
  const known = keys(piece, '.card');
  const open = keys(piece, 'details[open]');
  piece.innerHTML = html;
  for (const card of piece.querySelectorAll('.card')) {
    if (!known.has(card.dataset.key)) card.classList.add('new');
  }
  for (const details of piece.querySelectorAll('details')) {
    details.open = open.has(details.dataset.key);
  }
};

const made = (id) => {
  const station = document.createElement('article');
  station.className = 'station';
  station.id = id;
  station.dataset.piece = '';
  wall.insertBefore(station, wall.querySelector('.none'));
  return station;
};

let first = true;
const source = new EventSource('/page/live');
source.onmessage = ({ data }) => {
  const { fresh, ids } = JSON.parse(data);
  for (const [id, html] of Object.entries(fresh)) {
    const piece = document.getElementById(id);
    // The page came with what the first event brings.
    if (!(first && piece)) put(piece ?? made(id), html);
  }
  for (const station of wall.querySelectorAll('.station')) {
    if (!ids.includes(station.id)) station.remove();
  }
  first = false;
  document.body.classList.add('is-live');
};
source.onerror = () => {
  document.body.classList.remove('is-live');
};
source.onopen = () => document.body.classList.add('is-live');

document.addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = event.target;
  const { submitter } = event;
  const body = new URLSearchParams(new FormData(form, submitter));
  // Not `form.action`: that is a button where one has this name.
  await fetch(form.getAttribute('action'), { method: 'POST', body, redirect: 'manual' });
  form.querySelector('input[name=name]')?.form.reset();
});
