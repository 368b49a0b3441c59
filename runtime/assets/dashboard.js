// The dashboard's only script. The page works without it. It adds keyboard shortcuts, which click existing links, and
// keeps the number of current visitors up to date. The Content-Security-Policy allows it by its hash.
(() => {
  const find = (selector) => document.querySelector(selector);
  const click = (element) => element && (element.click(), true);

  const escape = () => {
    const open = find('.menu[open], .keys[open]');
    if (open) {
      open.open = false;
      open.querySelector('summary').focus();
      return true;
    }
    return click(find('.back, [data-unfiltered]'));
  };

  const help = () => {
    const keys = find('.keys');
    keys.open = !keys.open;
    if (keys.open) keys.scrollIntoView({ block: 'nearest' });
    return true;
  };

  const pressed = (key) => {
    if (key === 'Escape') return escape();
    if (key === '?') return help();
    const found = find(`[aria-keyshortcuts="${CSS.escape(key)}"]`);
    if (!found) return false;
    click(found);
    // A shortcut that opens a form moves the focus into it.
    if (found.tagName === 'SUMMARY' && found.parentElement.open) {
      found.parentElement.querySelector('select, input:not([type=hidden])')?.focus();
    }
    return true;
  };

  if (document.body.dataset.keys) {
    addEventListener('keydown', (event) => {
      const { target, key } = event;
      const isTyping = target.closest('input, select, textarea, [contenteditable]') && key !== 'Escape';
      const isChord = event.ctrlKey || event.metaKey || event.altKey || event.isComposing;
      // Arrow keys scroll tables that are wider than the page.
      const isScrolling = key.startsWith('Arrow') && target.closest('.scroll, pre');
      if (event.defaultPrevented || event.repeat || isTyping || isChord || isScrolling) return;
      if (pressed(key)) event.preventDefault();
    });
  }

  // Clicking elsewhere closes a menu.
  addEventListener('click', ({ target }) => {
    for (const menu of document.querySelectorAll('.menu[open]')) if (!menu.contains(target)) menu.open = false;
  });

  // Refreshes each minute, but only while the page is visible, as each refresh costs a request.
  const now = find('[data-now-href]');
  if (now) {
    let last = Date.now();
    const refresh = async () => {
      if (document.hidden || Date.now() - last < 59_000) return;
      last = Date.now();
      const answer = await fetch(now.dataset.nowHref).catch(() => null);
      if (!answer?.ok) return;
      const { now: visitors } = await answer.json();
      now.querySelector('b').textContent = visitors.toLocaleString('en');
      now.querySelector('.dot').classList.toggle('live', visitors > 0);
      now.querySelector('.roomy').textContent = visitors === 1 ? 'visitor' : 'visitors';
    };
    setInterval(refresh, 60_000);
    document.addEventListener('visibilitychange', refresh);
  }
})();
