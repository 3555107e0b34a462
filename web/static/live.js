// Keeps an open page new. The person's inbox is the truth and every frame a
// hint: when in doubt the page asks again. Where no connection stays up, because
// a proxy allows none, it asks every minute, and says so.
(function () {
  'use strict';
  var body = document.body, says = body.dataset, q = window.qianhe;
  if (!q) { return; }

  var TOUCHED = 60 * 1000;      // a person who did something within this sees the page
  var POLL = 60 * 1000;         // without a connection, more or less
  var LONGEST = 60 * 1000;      // between two attempts
  var WELCOME = 15 * 1000;      // how long a connection has for its first word
  var QUIET = 45 * 1000;        // without a word, after which the page asks whether anybody is there
  var ANSWER = 10 * 1000;       // how long it waits for the answer
  var LASTING = 30 * 1000;      // a connection that lived so long was a good one
  var socket = null, ready = false, heard = 0, tries = 0, over = false;
  var retry = 0, watch = 0, good = 0, poll = 0;
  var touched = 0, epoch = '', seq = 0, seen = 0, rev = null, before = false, latest = null;

  function state(name) {
    var mark = document.querySelector('[data-live]');
    if (!mark) { return; }
    mark.hidden = false;
    mark.className = 'live ' + name;
    var text = { on: says.saysLive, wait: says.saysWait, poll: says.saysPoll, off: says.saysOff }[name];
    if (mark.textContent !== text) { mark.textContent = text; }
  }

  function visible() { return document.visibilityState === 'visible'; }
  function present() { return visible() && Date.now() - touched < TOUCHED; }

  function position() {
    try { return JSON.parse(q.remember('live') || 'null'); } catch (e) { return null; }
  }
  function keep(epoch, at) { q.remember('live', JSON.stringify({ epoch: epoch, seq: at })); }

  function send(frame) {
    if (socket && socket.readyState === WebSocket.OPEN) { socket.send(JSON.stringify(frame)); }
  }

  // Seen: the page is in front, and somebody is in front of it.
  function look() {
    if (seq <= seen || !present()) { return; }
    var was = seen;
    seen = seq;
    if (ready) {
      send({ type: 'seen', seq: seq });
    } else {
      q.post('/live/seen', { seq: seq }).then(function (answer) { if (!answer.ok) { throw answer; } }).catch(function () { seen = was; });
    }
    if (document.getElementById('tray')) { q.clear(['tray', 'due', 'form']); }
  }
  ['pointerdown', 'touchstart', 'keydown', 'scroll'].forEach(function (name) {
    window.addEventListener(name, function () { touched = Date.now(); look(); }, { passive: true });
  });

  // Counts stand in several places; each is told which it is.
  var pending = says.pending === undefined ? null : Number(says.pending);
  function counts(c) {
    if (!c) { return; }
    latest = c;
    Array.prototype.forEach.call(document.querySelectorAll('[data-count]'), function (place) {
      var n = c[place.dataset.count];
      if (typeof n !== 'number') { return; }
      place.textContent = String(n);
      if (place.classList.contains('badge')) { place.hidden = n === 0; }
    });
    if (pending !== null && pending !== c.pending) {
      document.getElementById('said').textContent = says.saysPending.replace('{0}', c.pending);
    }
    pending = c.pending;
    q.badge(c.pending);
    if (!c.pending) { q.clear(['tray']); }
  }

  // The in-tray, or the one document, is fetched anew: at once, and then at
  // most once a second.
  var due = 0, last = 0;
  function refresh() {
    if (due) { return; }
    due = setTimeout(function () { due = 0; last = Date.now(); tray(); paper(); }, Math.max(150, 1000 - (Date.now() - last)));
  }

  function tray() {
    var old = document.getElementById('tray');
    if (!old || old.dataset.first !== 'true') { return; }
    var items = old.querySelectorAll('[data-id]'), known = {};
    Array.prototype.forEach.call(items, function (item) { known[item.dataset.id] = true; });
    var url = old.dataset.url + (old.dataset.url.indexOf('?') < 0 ? '?' : '&') + 'part=tray&n=' + items.length;
    q.load(url, function (page) {
      var fresh = page && page.getElementById('tray');
      if (!fresh) { return; }
      fresh = document.importNode(fresh, true);
      Array.prototype.forEach.call(fresh.querySelectorAll('[data-id]'), function (item) {
        if (!known[item.dataset.id]) { item.classList.add('fresh'); }
      });
      var folded = old.querySelector('details'), folds = fresh.querySelector('details');
      if (folded && folds) { folds.open = folded.open; }
      var left = old.querySelector('.filters').scrollLeft, focus = document.activeElement && document.activeElement.getAttribute('href');
      old.parentNode.replaceChild(fresh, old);
      fresh.querySelector('.filters').scrollLeft = left;
      if (focus && document.activeElement === body) {
        var again = fresh.querySelector('a[href="' + focus + '"]');
        if (again) { again.focus(); }
      }
    });
  }

  function paper() {
    var old = document.querySelector('[data-revision]');
    if (!old) { return; }
    q.load(location.pathname + '?part=1', function (page) {
      var fresh = page && page.querySelector('[data-revision]');
      if (!fresh || fresh.dataset.revision === old.dataset.revision) { return; }
      if (fresh.dataset.version !== old.dataset.version) {
        document.querySelector('[data-changed]').hidden = false;
        document.getElementById('said').textContent = says.saysChanged;
        return;
      }
      old.dataset.revision = fresh.dataset.revision;
      ['route', 'foot'].forEach(function (id) {
        var a = document.getElementById(id), b = page.getElementById(id);
        if (a && b) { a.parentNode.replaceChild(document.importNode(b, true), a); }
      });
    });
  }

  function got(frame) {
    switch (frame.type) {
    case 'welcome':
      // What was missed follows event by event: only they move the position.
      // Something may have changed between the page and the connection.
      if (before || (pending !== null && pending !== frame.counts.pending)) { refresh(); }
      before = ready = true;
      rev = null;
      good = setTimeout(lasting, LASTING);
      state('on');
      of(frame.epoch);
      var at = position();
      if (!at || at.epoch !== frame.epoch) { keep(frame.epoch, frame.seq); seq = frame.seq; }
      counts(frame.counts);
      look();
      break;
    case 'event':
      at = position();
      if (at) { keep(at.epoch, frame.seq); }
      seq = Math.max(seq, frame.seq);
      send({ type: 'ack', seq: frame.seq });
      look();
      refresh();
      break;
    case 'counts':
      counts(frame.counts);
      refresh();
      break;
    case 'resync':
      of(frame.epoch);
      keep(frame.epoch, frame.seq);
      seq = frame.seq;
      look();
      refresh();
      break;
    }
  }

  // In a new epoch the numbers have begun anew.
  function of(name) {
    if (epoch !== name) { seen = 0; }
    epoch = name;
  }

  // A dead line says nothing, for ever: after a silence the page asks, and takes
  // no answer for the end. Nobody waits before a page that is not in front.
  function expect(ms, then) { clearTimeout(watch); watch = setTimeout(then, ms); }
  function ask(patience) {
    if (!visible()) { expect(QUIET, ask); return; }
    send({ type: 'ping' });
    expect(patience || ANSWER, lost);
  }
  function lost() {
    var dead = socket;
    drop();
    if (dead) { dead.close(); }
    again(0);
  }
  // What was said last may have been lost: what was seen is said again.
  function drop() { socket = null; ready = false; seen = 0; clearTimeout(watch); clearTimeout(good); }

  function connect() {
    clearTimeout(retry);
    if (over || socket) { return; }
    if (navigator.onLine === false) { state('off'); return; }
    var mine;
    try { mine = new WebSocket(location.protocol.replace('http', 'ws') + '//' + location.host + '/live'); } catch (e) { again(0); return; }
    socket = mine;
    expect(WELCOME, lost);
    mine.onopen = function () {
      var at = position();
      send(at ? { type: 'hello', since: at } : { type: 'hello' });
    };
    mine.onmessage = function (event) {
      if (socket !== mine) { return; }
      var frame;
      try { frame = JSON.parse(event.data); } catch (e) { return; }
      heard = Date.now();
      got(frame);
      if (ready) { expect(QUIET, ask); }
    };
    mine.onclose = function (event) {
      if (socket !== mine) { return; }
      drop();
      if (event.code === 4401) { ended(); return; }
      again(event.code);
    };
  }

  // The session is over; the page says so. Where something is being written it
  // stays, with the reason above it.
  function ended() {
    over = true;
    clearTimeout(poll);
    state('off');
    if (!document.querySelector('textarea')) { location.reload(); return; }
    fetch('/live/head', { credentials: 'same-origin' }).then(function (answer) { return answer.json(); }).then(function (why) {
      var main = document.getElementById('main'), note = document.createElement('p');
      if (!why.message) { return; }
      note.className = 'wrong over';
      note.setAttribute('role', 'alert');
      note.textContent = why.message;
      main.insertBefore(note, main.firstChild);
      main.scrollIntoView();
    }).catch(function () { /* the next tap says it */ });
  }

  // When a server goes away, all its pages come back: those that somebody looks
  // at within seconds, the others spread out, and everybody later and later.
  function again(code) {
    tries++;
    if (code === 4400) { over = true; } // a page of another version: it asks every minute
    if (navigator.onLine === false) { state('off'); return; }
    if (polls()) { inquire(); } else { state('wait'); }
    if (over) { return; }
    var within = present() ? 2000 : visible() ? 8000 : 30000;
    retry = setTimeout(connect, 300 + Math.random() * Math.min(LONGEST, within * Math.pow(2, tries - 1)));
  }

  function lasting() { tries = 0; q.remember('polls', null); }

  // The next page need not find out anew.
  function polls() { return over || tries > 3 || q.remember('polls'); }

  // Without a connection: where does the inbox stand?
  function inquire() {
    clearTimeout(poll);
    poll = setTimeout(inquire, POLL * (0.75 + Math.random() / 2));
    if (ready || !visible() || navigator.onLine === false) { return; }
    q.load('/live/head', function (head, status) {
      if (ready) { return; }
      if (status === 401) { ended(); return; }
      if (!head) { state('off'); return; }
      if (polls()) { q.remember('polls', '1'); state('poll'); }
      if (rev === null ? before || (pending !== null && pending !== head.counts.pending) : rev !== head.rev) { refresh(); }
      before = true;
      of(head.epoch);
      rev = head.rev;
      seq = head.seq;
      counts(head.counts);
      look();
    }, 'json');
  }

  window.addEventListener('online', function () { tries = 0; clearTimeout(retry); retry = setTimeout(connect, Math.random() * 1000); });
  window.addEventListener('offline', function () {
    var s = socket;
    state('off');
    drop();
    if (s) { s.close(); }
  });
  document.addEventListener('visibilitychange', function () {
    if (!visible()) { return; }
    touched = Date.now();
    if (!socket) { connect(); inquire(); return; }
    look();
    if (ready && Date.now() - heard > ANSWER) { ask(ANSWER / 2); } // a phone that has slept
  });
  window.addEventListener('pageshow', function (event) { if (event.persisted) { connect(); refresh(); } });
  window.addEventListener('pagehide', function () { var s = socket; drop(); clearTimeout(retry); if (s) { s.close(); } });
  if ('serviceWorker' in navigator) {
    navigator.serviceWorker.addEventListener('message', function (event) {
      if (event.data !== 'pushed') { return; }
      if (!ready) { inquire(); } else if (latest) { q.badge(latest.pending); }
    });
  }

  touched = Date.now(); // the page was opened by somebody
  poll = setTimeout(inquire, POLL);
  if (!window.WebSocket) { over = true; inquire(); return; }
  if (polls()) { inquire(); }
  connect();
}());
