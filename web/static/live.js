// Keeps an open page new. The person's inbox is the truth and every frame a
// hint: when in doubt the page asks again.
(function () {
  'use strict';
  var body = document.body, says = body.dataset, q = window.qianhe;
  if (!window.WebSocket || !q) { return; }

  var TOUCHED = 60 * 1000;      // a person who did something within this sees the page
  var POLL = 60 * 1000;         // without a connection
  var LONGEST = 60 * 1000;      // between two attempts
  var socket = null, tries = 0, retry = 0, poll = 0, over = false;
  var touched = 0, seq = 0, seen = 0, before = false;

  function state(name) {
    var mark = document.querySelector('[data-live]');
    if (!mark) { return; }
    mark.hidden = false;
    mark.className = 'live ' + name;
    var text = { on: says.saysLive, wait: says.saysWait, poll: says.saysPoll, off: says.saysOff }[name];
    if (mark.textContent !== text) { mark.textContent = text; }
  }

  function position() {
    try { return JSON.parse(q.remember('live') || 'null'); } catch (e) { return null; }
  }
  function keep(epoch, at) { q.remember('live', JSON.stringify({ epoch: epoch, seq: at })); }

  function send(frame) {
    if (socket && socket.readyState === WebSocket.OPEN) { socket.send(JSON.stringify(frame)); }
  }

  // Seen: the page is in front, and somebody is in front of it.
  function look() {
    if (seq > seen && document.visibilityState === 'visible' && Date.now() - touched < TOUCHED) {
      seen = seq;
      send({ type: 'seen', seq: seq });
    }
  }
  ['pointerdown', 'touchstart', 'keydown', 'scroll'].forEach(function (name) {
    window.addEventListener(name, function () { touched = Date.now(); look(); }, { passive: true });
  });

  // Counts stand in several places; each is told which it is.
  var pending = says.pending === undefined ? null : Number(says.pending);
  function counts(c) {
    if (!c) { return; }
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
    if (navigator.setAppBadge) {
      (c.pending ? navigator.setAppBadge(c.pending) : navigator.clearAppBadge()).catch(function () { /* not on a home screen */ });
    }
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
      before = true;
      tries = 0;
      state('on');
      var since = position();
      if (!since || since.epoch !== frame.epoch) { keep(frame.epoch, frame.seq); seq = frame.seq; }
      counts(frame.counts);
      look();
      break;
    case 'event':
      var at = position();
      if (at) { keep(at.epoch, frame.seq); }
      seq = frame.seq;
      send({ type: 'ack', seq: frame.seq });
      look();
      refresh();
      break;
    case 'counts':
      counts(frame.counts);
      refresh();
      break;
    case 'resync':
      keep(frame.epoch, frame.seq);
      seq = frame.seq;
      look();
      refresh();
      break;
    }
  }

  function connect() {
    clearTimeout(retry);
    if (over || socket) { return; }
    if (navigator.onLine === false) { state('off'); return; }
    var mine;
    try { mine = new WebSocket(location.protocol.replace('http', 'ws') + '//' + location.host + '/live'); } catch (e) { again(); return; }
    socket = mine;
    mine.onopen = function () {
      var since = position();
      send(since ? { type: 'hello', since: since } : { type: 'hello' });
    };
    mine.onmessage = function (event) {
      var frame;
      try { frame = JSON.parse(event.data); } catch (e) { return; }
      got(frame);
    };
    mine.onclose = function (event) {
      if (socket !== mine) { return; }
      socket = null;
      if (event.code === 4401) { // the session is over; the page says so
        over = true;
        clearInterval(poll);
        state('off');
        if (!document.querySelector('textarea')) { location.reload(); }
        return;
      }
      if (event.code === 4400) { // a page of another version: it asks every minute
        over = true;
        state('poll');
        return;
      }
      again();
    };
  }

  // Later and later, and never everybody at the same moment.
  function again() {
    tries++;
    state(navigator.onLine === false ? 'off' : tries > 3 ? 'poll' : 'wait');
    retry = setTimeout(connect, Math.min(LONGEST, 1000 * Math.pow(2, tries - 1)) * (0.5 + Math.random()));
  }

  function now() { tries = 0; connect(); }

  poll = setInterval(function () {
    if (!socket && document.visibilityState === 'visible' && navigator.onLine !== false) { refresh(); }
  }, POLL);
  window.addEventListener('online', now);
  window.addEventListener('offline', function () {
    state('off');
    if (socket) { socket.close(); }
  });
  document.addEventListener('visibilitychange', function () {
    if (document.visibilityState === 'visible') { touched = Date.now(); if (socket) { look(); } else { now(); } }
  });
  window.addEventListener('pageshow', function (event) { if (event.persisted) { now(); refresh(); } });
  window.addEventListener('pagehide', function () { var s = socket; socket = null; if (s) { s.close(); } });
  if ('serviceWorker' in navigator) {
    navigator.serviceWorker.addEventListener('message', function (event) { if (event.data === 'pushed' && !socket) { refresh(); } });
  }
  touched = Date.now(); // the page was opened by somebody
  connect();
}());
