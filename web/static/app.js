// What every page has beyond links and forms. Nothing here is needed to read
// or to decide. ES2018, no part of it newer than Chrome 80 and Safari 13.
(function () {
  'use strict';
  var body = document.body;

  // The only address that may become a script; see the Content-Security-Policy.
  var worker = '/sw.js';
  if (window.trustedTypes && window.trustedTypes.createPolicy) {
    worker = window.trustedTypes.createPolicy('qianhe', {
      createScriptURL: function (url) {
        if (url === '/sw.js') { return url; }
        throw new TypeError('no script may come from ' + url);
      }
    }).createScriptURL(worker);
  }
  var registration = 'serviceWorker' in navigator ? navigator.serviceWorker.register(worker) : null;
  if (registration) { registration.catch(function () { /* without it there is no offline page */ }); }

  // Parts of other pages, as documents: they are never made from text. Or what
  // is said in JSON. Without an answer the status is 0.
  function load(url, then, type) {
    var request = new XMLHttpRequest();
    request.open('GET', url);
    request.responseType = type || 'document';
    request.timeout = 20000;
    request.onload = function () { then(request.status === 200 ? request.response : null, request.status); };
    request.onerror = request.ontimeout = function () { then(null, 0); };
    request.send();
  }

  function post(url, value) {
    return fetch(url, { method: 'POST', credentials: 'same-origin', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(value) });
  }

  // Storage can be forbidden.
  function remember(key, value) {
    try {
      if (value === undefined) { return sessionStorage.getItem(key); }
      if (value === null) { sessionStorage.removeItem(key); } else { sessionStorage.setItem(key, value); }
    } catch (e) { /* then nothing is remembered */ }
    return null;
  }

  // A key as bytes: Safari and old Chrome take nothing else.
  function bytes(key) {
    var text = atob((key + '==='.slice((key.length + 3) % 4)).replace(/-/g, '+').replace(/_/g, '/'));
    return Uint8Array.from(text, function (c) { return c.charCodeAt(0); });
  }

  // This browser's push subscription under the server's key of now, told to the
  // server. A subscription is bound to the key that it was made with: one under
  // another key is given up for a new one. Where there is none, one is made only
  // when somebody has just asked for it. Gives the server's answer, or null.
  function subscribe(asked) {
    return Promise.all([navigator.serviceWorker.ready, fetch('/push/key', { credentials: 'same-origin' }).then(function (answer) {
      if (!answer.ok) { throw new Error('no key'); }
      return answer.json();
    })]).then(function (both) {
      var manager = both[0].pushManager, name = both[1].key, key = bytes(name);
      var wish = { userVisibleOnly: true, applicationServerKey: key };
      return manager.getSubscription().then(function (old) {
        if (!old) { return asked ? manager.subscribe(wish) : null; }
        var have = old.options && old.options.applicationServerKey ? new Uint8Array(old.options.applicationServerKey) : null;
        var same = have && have.length === key.length && have.every(function (b, i) { return b === key[i]; });
        return same ? old : old.unsubscribe().then(function () { return manager.subscribe(wish); });
      }).then(function (subscription) {
        if (!subscription) { return null; }
        var tell = function (made) {
          var said = made.toJSON();
          return post('/push/subscription', { endpoint: said.endpoint, keys: said.keys, key: name });
        };
        // The server knows that this one is dead, which the browser does not.
        return tell(subscription).then(function (answer) {
          return answer.status !== 409 ? answer : subscription.unsubscribe().then(function () { return manager.subscribe(wish); }).then(tell);
        });
      });
    });
  }

  // The number on the icon, and messages on the lock screen that are no longer
  // news. Those the worker closes, which alone knows when that does no harm.
  function badge(n) {
    if (navigator.setAppBadge) {
      (n ? navigator.setAppBadge(n) : navigator.clearAppBadge()).catch(function () { /* not on a home screen */ });
    }
  }
  function clear(tags) {
    if (!registration || !window.Notification || Notification.permission !== 'granted') { return; }
    registration.then(function (r) { if (r.active) { r.active.postMessage({ clear: tags }); } }).catch(function () { /* they stay until the next one replaces them */ });
  }

  window.qianhe = { load: load, post: post, remember: remember, badge: badge, clear: clear, registration: registration, subscribe: subscribe };

  // A form is sent once, however often it is tapped. Coming back to the page
  // makes it a form again.
  document.addEventListener('submit', function (event) {
    var form = event.target;
    if (event.defaultPrevented || !form.hasAttribute('data-single')) { return; }
    if (form.classList.contains('sent')) { event.preventDefault(); return; }
    form.classList.add('sent');
  });
  window.addEventListener('pageshow', function () {
    Array.prototype.forEach.call(document.querySelectorAll('form.sent'), function (form) { form.classList.remove('sent'); });
  });

  // More of a list, below what is there.
  document.addEventListener('click', function (event) {
    var link = event.target.closest ? event.target.closest('a[data-more]') : null;
    var list = link && document.querySelector('.cards:last-of-type');
    if (!list || event.metaKey || event.ctrlKey) { return; }
    event.preventDefault();
    if (link.classList.contains('busy')) { return; }
    link.classList.add('busy');
    load(link.href, function (page) {
      var first = page && page.querySelector('.cards');
      if (!first) { location.assign(link.href); return; }
      var parts = page.querySelectorAll('main .day, main .cards');
      var days = document.querySelectorAll('main .day');
      Array.prototype.forEach.call(parts, function (part) {
        var last = document.querySelectorAll('main .cards');
        last = last[last.length - 1];
        if (part.classList.contains('day')) {
          if (days.length && days[days.length - 1].textContent === part.textContent) { return; }
          last.parentNode.insertBefore(document.importNode(part, true), last.nextSibling);
          return;
        }
        var before = last.nextElementSibling;
        if (before && before.classList.contains('day')) {
          before.parentNode.insertBefore(document.importNode(part, true), before.nextSibling);
          return;
        }
        Array.prototype.forEach.call(part.children, function (item) { last.appendChild(document.importNode(item, true)); });
      });
      var more = page.querySelector('a[data-more]');
      if (more) { link.href = more.getAttribute('href'); link.classList.remove('busy'); } else { link.remove(); }
    });
  });

  // A note says something once; loading the page again does not repeat it. What
  // was being written about the document has been sent.
  var after = /[?&](after|ok)=([^&]*)/.exec(location.search);
  if (after) {
    if (after[1] === 'after') { remember('draft ' + after[2] + ' forward', null); remember('draft ' + after[2] + ' return', null); }
    history.replaceState(null, '', location.pathname);
  }

  // On a tablet the in-tray stands beside the document.
  var side = document.querySelector('[data-side]');
  if (side && window.matchMedia('(min-width: 800px)').matches) {
    load('/inbox?part=tray&n=50', function (page) {
      var list = page && page.querySelector('.cards');
      if (!list) { return; }
      list = document.importNode(list, true);
      side.appendChild(list);
      side.hidden = false;
      body.classList.add('sided');
      var here = list.querySelector('a[href="' + location.pathname + '"]');
      if (here) {
        here.setAttribute('aria-current', 'page');
        side.scrollTop = Math.max(0, here.offsetTop - side.clientHeight / 3);
      }
    });
  }

  // Every start, and every day, the browser's subscription is told anew: it may
  // have changed with nobody there to see it, the key may have, and after a new
  // sign-in it belongs to another session.
  var DAY = 24 * 60 * 60 * 1000;
  if (!body.classList.contains('in')) {
    remember('synced', null);
  } else if (registration && 'PushManager' in window && window.Notification && Notification.permission === 'granted' && !(Date.now() - remember('synced') < DAY)) {
    subscribe(false).then(function (answer) {
      if (!answer || answer.ok) { remember('synced', String(Date.now())); }
      var invite = document.querySelector('[data-invite]');
      if (answer && answer.ok && invite) { invite.hidden = true; }
    }).catch(function () { /* the next page tries again */ });
  }

  // Who is signed out leaves nothing on a phone that others may use: no message,
  // no number on the icon, and, having said so, no subscription.
  if (document.querySelector('form[action="/signin"]')) {
    badge(0);
    clear(['']);
    if (document.querySelector('[data-left]') && registration) {
      navigator.serviceWorker.ready.then(function (r) {
        return r.pushManager && r.pushManager.getSubscription();
      }).then(function (s) { return s && s.unsubscribe(); }).catch(function () { /* the server sends nothing there any more */ });
    }
  }
}());
