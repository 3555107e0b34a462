// The service worker: shows what is pushed, opens what is tapped, and has a
// page for when there is no line. Of a person it keeps only when the last
// messages were sent.
'use strict';

var OFFLINE = '/offline';
var KEPT = ['__STYLE__', '__SEAL__'];
var CACHE = 'offline __STYLE__';
var LAST = 'last'; // a cache with an entry for each sort of message

self.addEventListener('install', function (event) {
  event.waitUntil(caches.open(CACHE).then(function (cache) {
    return cache.addAll([OFFLINE].concat(KEPT));
  }).then(function () { return self.skipWaiting(); }));
});

self.addEventListener('activate', function (event) {
  event.waitUntil(caches.keys().then(function (names) {
    return Promise.all(names.filter(function (n) { return n !== CACHE && n !== LAST; }).map(function (n) { return caches.delete(n); }));
  }).then(function () { return self.clients.claim(); }));
});

self.addEventListener('fetch', function (event) {
  if (event.request.mode === 'navigate') {
    event.respondWith(fetch(event.request).catch(function () { return caches.match(OFFLINE); }));
    return;
  }
  if (KEPT.indexOf(new URL(event.request.url).pathname) >= 0) {
    event.respondWith(fetch(event.request).catch(function () { return caches.match(event.request.url); }));
  }
});

function post(url, value) {
  return fetch(url, { method: 'POST', credentials: 'same-origin', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(value) });
}

function ignore() { /* nothing depends on it */ }

// What is on the screen is read and changed by one after the other. Chromium
// loses a notification for good that somebody reads the list at the moment it
// is being shown: it stays on the screen, and a tap on it does nothing.
var turn = Promise.resolve();
function inTurn(work) {
  turn = turn.then(work).catch(ignore);
  return turn;
}

// Whether a message was sent before another of its sort that has been here
// already.
function late(sort, sent) {
  return caches.open(LAST).then(function (cache) {
    return cache.match('/' + sort).then(function (kept) { return kept ? kept.text() : '0'; }).then(function (last) {
      if (!(sent > Number(last))) { return sent > 0 && sent < Number(last); }
      return cache.put('/' + sort, new Response(String(sent))).then(function () { return false; });
    });
  }).catch(function () { return false; });
}

// Messages of these groups say how things stand: only the newest is right.
var STATE = /^(tray|due|form|chase|debt)/;

// Every push shows something: browsers take the permission away otherwise. One
// that comes late leaves a newer one of its kind as it is, and where that has
// been put away it says no number, because its own is wrong by now. One that
// only says that something has been handled makes no sound.
function show(message, isLate) {
  var n = message.notification || {}, data = n.data || {};
  var plain = /^zh/.test(n.lang || self.navigator.language) ? '有待辦公文' : 'Documents are waiting';
  var quiet = n.silent === true || data.kind === 'tray.refresh';
  var title = n.title || plain;
  var options = {
    body: n.body || '', lang: n.lang || '', dir: n.dir || 'auto', tag: n.tag || 'qianhe', icon: '__ICON__', badge: '__BADGE__',
    silent: quiet, renotify: !quiet && data.urgent === true, requireInteraction: !quiet && data.urgent === true, timestamp: data.sent || Date.now(),
    data: { url: n.navigate || '/inbox', sent: data.sent || 0, delivery: data.delivery || '' }
  };
  return self.registration.getNotifications({ tag: options.tag }).then(function (shown) {
    var newer = shown.find(function (s) { return s.data && s.data.sent > options.data.sent && options.data.sent > 0; });
    if (newer || isLate) {
      title = newer ? newer.title : plain;
      options.body = newer ? newer.body : '';
      options.data = newer ? newer.data : options.data;
      options.silent = true;
      options.renotify = options.requireInteraction = false;
    }
    return self.registration.showNotification(title, options);
  });
}

// The number on the icon is the one in the newest message. Declarative push
// messages have it outside (W3C) or inside (WebKit).
function badge(message) {
  var n = message.notification || {};
  var count = Number(n.app_badge === undefined ? message.app_badge : n.app_badge);
  if (!self.navigator.setAppBadge || !(count >= 0)) { return Promise.resolve(); }
  return count > 0 ? self.navigator.setAppBadge(count) : self.navigator.clearAppBadge();
}

function windows() { return self.clients.matchAll({ type: 'window', includeUncontrolled: true }); }

// That a message is shown says that the phone has it. Nobody need have seen it.
self.addEventListener('push', function (event) {
  var message = {};
  try { message = event.data.json() || {}; } catch (e) { message = {}; }
  var n = message.notification || {}, data = n.data || {};
  event.waitUntil(inTurn(function () {
    return Promise.all([late('', data.sent), STATE.test(n.tag) ? late(n.tag, data.sent) : false]).then(function (isLate) {
      return Promise.all([
        show(message, isLate[1]).then(function () { return true; }, ignore),
        isLate[0] ? null : badge(message).catch(ignore)
      ]);
    });
  }).then(function (did) {
    return did && did[0] && data.delivery ? post('/push/delivered', { delivery: data.delivery }).catch(ignore) : null;
  }).then(windows).then(function (list) { list.forEach(function (w) { w.postMessage('pushed'); }); }));
});

// A page says what is no longer news, by the first letters of its tags.
self.addEventListener('message', function (event) {
  var tags = event.data && event.data.clear;
  if (!tags) { return; }
  event.waitUntil(inTurn(function () {
    return self.registration.getNotifications().then(function (list) {
      list.filter(function (n) { return tags.some(function (t) { return n.tag.indexOf(t) === 0; }); }).forEach(function (n) { n.close(); });
    });
  }));
});

// A tap says that the person has seen it, and opens what it is about: in a page
// of ours that is open, unless somebody is writing there.
self.addEventListener('notificationclick', function (event) {
  event.notification.close();
  var data = event.notification.data || {}, url = new URL(data.url || '/inbox', self.location.origin);
  if (url.origin !== self.location.origin) { url = new URL('/inbox', self.location.origin); }
  var open = windows().then(function (list) {
    var there = list.find(function (w) { return new URL(w.url).pathname === url.pathname; });
    if (there) { there.postMessage('pushed'); return there.focus(); }
    var free = list.find(function (w) { return w.navigate && !/\/(decide|return|act)$/.test(new URL(w.url).pathname); });
    if (!free) { return self.clients.openWindow(url.href); }
    return free.focus().then(function (w) { return w.navigate(url.href); }).catch(function () { return self.clients.openWindow(url.href); });
  });
  event.waitUntil(Promise.all([open, data.delivery ? post('/push/clicked', { delivery: data.delivery }).catch(ignore) : null]));
});

// The browser has changed the subscription, or has ended it: one under the
// server's key of now is made, and the server hears of it. Not every browser
// tells; pages look as well, see app.js.
self.addEventListener('pushsubscriptionchange', function (event) {
  event.waitUntil(fetch('/push/key', { credentials: 'same-origin' }).then(function (answer) { return answer.json(); }).then(function (answer) {
    var text = atob((answer.key + '==='.slice((answer.key.length + 3) % 4)).replace(/-/g, '+').replace(/_/g, '/'));
    var key = Uint8Array.from(text, function (c) { return c.charCodeAt(0); });
    var fresh = event.newSubscription, made = fresh && fresh.options && fresh.options.applicationServerKey;
    var same = made && new Uint8Array(made).join() === key.join();
    return (same ? Promise.resolve(fresh) : self.registration.pushManager.getSubscription().then(function (old) {
      return old && old.unsubscribe();
    }).then(function () {
      return self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
    })).then(function (subscription) {
      var said = subscription.toJSON();
      return post('/push/subscription', { endpoint: said.endpoint, keys: said.keys, key: answer.key });
    });
  }).catch(ignore));
});
