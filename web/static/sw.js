// The service worker: shows what is pushed, opens what is tapped, and has a
// page for when there is no line. It keeps nothing of a person.
'use strict';

var OFFLINE = '/offline';
var KEPT = ['__STYLE__', '__SEAL__'];
var CACHE = 'offline __STYLE__';

self.addEventListener('install', function (event) {
  event.waitUntil(caches.open(CACHE).then(function (cache) {
    return cache.addAll([OFFLINE].concat(KEPT));
  }).then(function () { return self.skipWaiting(); }));
});

self.addEventListener('activate', function (event) {
  event.waitUntil(caches.keys().then(function (names) {
    return Promise.all(names.filter(function (n) { return n !== CACHE; }).map(function (n) { return caches.delete(n); }));
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

// Every push shows something: browsers take the permission away otherwise. One
// that comes late leaves a newer one of its kind as it is.
function show(message) {
  var n = message.notification || {}, data = n.data || {};
  var title = n.title || (/^zh/.test(self.navigator.language) ? '有待辦公文' : 'Documents are waiting');
  var options = {
    body: n.body || '', lang: n.lang || '', tag: n.tag || 'qianhe', icon: '__ICON__', badge: '__BADGE__',
    renotify: data.urgent === true, requireInteraction: data.urgent === true, timestamp: data.sent || Date.now(),
    data: { url: n.navigate || '/inbox', sent: data.sent || 0 }
  };
  return self.registration.getNotifications({ tag: options.tag }).then(function (shown) {
    var newer = shown.find(function (s) { return s.data && s.data.sent > options.data.sent && options.data.sent > 0; });
    if (newer) {
      title = newer.title;
      options.body = newer.body;
      options.data = newer.data;
      options.renotify = false;
    }
    return self.registration.showNotification(title, options);
  });
}

function badge(message) {
  var n = message.notification || {};
  var count = Number(n.app_badge === undefined ? message.app_badge : n.app_badge);
  if (!self.navigator.setAppBadge || !(count >= 0)) { return Promise.resolve(); }
  return count > 0 ? self.navigator.setAppBadge(count) : self.navigator.clearAppBadge();
}

function windows() { return self.clients.matchAll({ type: 'window', includeUncontrolled: true }); }

self.addEventListener('push', function (event) {
  var message = {};
  try { message = event.data.json() || {}; } catch (e) { message = {}; }
  var delivery = message.notification && message.notification.data && message.notification.data.delivery;
  event.waitUntil(Promise.all([
    show(message).then(function () { return delivery ? post('/push/delivered', { delivery: delivery }) : null; }).catch(ignore),
    badge(message).catch(ignore),
    windows().then(function (list) { list.forEach(function (w) { w.postMessage('pushed'); }); })
  ]));
});

self.addEventListener('notificationclick', function (event) {
  event.notification.close();
  var url = new URL((event.notification.data && event.notification.data.url) || '/inbox', self.location.origin);
  if (url.origin !== self.location.origin) { url = new URL('/inbox', self.location.origin); }
  event.waitUntil(windows().then(function (list) {
    var there = list.find(function (w) { return new URL(w.url).pathname === url.pathname; });
    if (there) { return there.focus(); }
    if (list.length && list[0].navigate) {
      return list[0].focus().then(function (w) { return w.navigate(url.href); }).catch(function () { return self.clients.openWindow(url.href); });
    }
    return self.clients.openWindow(url.href);
  }));
});

// The browser has changed the subscription: the server hears of it.
self.addEventListener('pushsubscriptionchange', function (event) {
  event.waitUntil((event.newSubscription ? Promise.resolve(event.newSubscription) : fetch('/push/key', { credentials: 'same-origin' }).then(function (r) {
    return r.json();
  }).then(function (answer) {
    return self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: answer.key });
  })).then(function (subscription) { return post('/push/subscription', subscription); }).catch(ignore));
});
