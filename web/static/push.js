// Turns on notifications for this browser. Subscribing can hang for ever where
// the push service is blocked: after a while the page says so.
(function () {
  'use strict';
  var box = document.querySelector('[data-push]'), q = window.qianhe;
  if (!box || !q) { return; }
  var PATIENCE = 12 * 1000;

  var standalone = navigator.standalone === true || window.matchMedia('(display-mode: standalone)').matches;
  var apple = /iPhone|iPad|iPod/.test(navigator.userAgent) || (/Macintosh/.test(navigator.userAgent) && navigator.maxTouchPoints > 1);
  var able = q.registration && 'PushManager' in window && 'Notification' in window;

  function show(name) {
    ['can', 'busy', 'denied', 'slow', 'failed', 'unable'].forEach(function (other) {
      box.querySelector('[data-' + other + ']').hidden = other !== name && !(other === 'can' && (name === 'slow' || name === 'failed'));
    });
  }
  function failed(message) {
    show('failed');
    if (message) { box.querySelector('[data-failed] p').textContent = message; }
  }

  box.querySelector('[data-home]').hidden = !apple || standalone;
  if (!able) {
    if (!apple || standalone) { show('unable'); }
  } else if (Notification.permission === 'denied') {
    show('denied');
  } else if (Notification.permission !== 'granted' || box.dataset.here !== 'true') {
    show('can');
  }

  // The key as bytes: Safari and old Chrome take nothing else.
  function bytes(key) {
    var text = atob((key + '==='.slice((key.length + 3) % 4)).replace(/-/g, '+').replace(/_/g, '/'));
    return Uint8Array.from(text, function (c) { return c.charCodeAt(0); });
  }

  function permission() {
    return new Promise(function (resolve) {
      var asked = Notification.requestPermission(resolve); // Safari calls back, others promise
      if (asked && asked.then) { asked.then(resolve); }
    });
  }

  function soon(promise) {
    return Promise.race([promise, new Promise(function (resolve, reject) {
      setTimeout(function () { reject(new Error('slow')); }, PATIENCE);
    })]);
  }

  function subscribe() {
    var key = bytes(box.dataset.key);
    var wish = { userVisibleOnly: true, applicationServerKey: key };
    return soon(navigator.serviceWorker.ready.then(function (r) {
      return r.pushManager.getSubscription().then(function (old) {
        // A subscription is bound to the key that it was made with.
        var have = old && old.options && old.options.applicationServerKey ? new Uint8Array(old.options.applicationServerKey) : null;
        var same = have && have.length === key.length && have.every(function (b, i) { return b === key[i]; });
        if (old && !same) { return old.unsubscribe().then(function () { return r.pushManager.subscribe(wish); }); }
        return old || r.pushManager.subscribe(wish);
      });
    }));
  }

  box.querySelector('[data-subscribe]').addEventListener('click', function () {
    show('busy');
    permission().then(function (answer) {
      if (answer !== 'granted') { show(answer === 'denied' ? 'denied' : 'can'); return null; }
      return subscribe().then(function (subscription) {
        return q.post('/push/subscription', subscription);
      }).then(function (response) {
        if (response.ok) { q.remember('synced', '1'); location.reload(); return null; }
        return response.json().then(function (said) { failed(said.message); });
      });
    }).catch(function (error) {
      if (error && error.message === 'slow') { show('slow'); } else { failed(''); }
    });
  });

  // Who removes this browser's link is not asked again by the next page.
  document.addEventListener('submit', function (event) {
    if (!event.target.hasAttribute('data-unsubscribe') || !able) { return; }
    navigator.serviceWorker.ready.then(function (r) { return r.pushManager.getSubscription(); }).then(function (s) {
      return s && s.unsubscribe();
    }).catch(function () { /* the server sends nothing there any more */ });
  });
}());
