// Turns on notifications for this browser. Subscribing can hang for ever where
// the push service is blocked: after a while the page says so.
(function () {
  'use strict';
  var box = document.querySelector('[data-push]'), q = window.qianhe;
  if (!box || !q) { return; }
  var PATIENCE = 12 * 1000;

  // An iPad asks for desktop pages and calls itself a Mac, with a touch screen.
  var agent = navigator.userAgent, pad = /Macintosh/.test(agent) && navigator.maxTouchPoints > 1;
  var apple = /iPhone|iPad|iPod/.test(agent) || pad;
  var version = pad && /Version\/(\d+)\.(\d+)/.exec(agent);
  var old = !box.querySelector('[data-old]').hidden || (version && (version[1] < 16 || (version[1] === '16' && version[2] < 4)));
  var standalone = navigator.standalone === true || window.matchMedia('(display-mode: standalone)').matches;
  var able = q.registration && 'PushManager' in window && 'Notification' in window;

  function show(name) {
    ['can', 'busy', 'denied', 'slow', 'failed', 'unable', 'old', 'home'].forEach(function (other) {
      box.querySelector('[data-' + other + ']').hidden = other !== name && !(other === 'can' && (name === 'slow' || name === 'failed'));
    });
  }
  function failed(message) {
    show('failed');
    if (message) { box.querySelector('[data-failed] p').textContent = message; }
  }
  box.querySelector('[data-apple]').hidden = !apple;
  box.querySelector('[data-other]').hidden = apple;

  // What stands in the way is said, and what to do about it. On an iPhone pages
  // may only ask from the home screen.
  if (apple && old) {
    show('old');
  } else if (apple && !standalone) {
    show('home');
  } else if (!able) {
    show('unable');
  } else if (Notification.permission === 'denied') {
    show('denied');
  } else if (Notification.permission !== 'granted' || box.dataset.here !== 'true') {
    show('can');
  } else {
    show('');
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

  box.querySelector('[data-subscribe]').addEventListener('click', function () {
    show('busy');
    permission().then(function (answer) {
      if (answer !== 'granted') { show(answer === 'denied' ? 'denied' : 'can'); return null; }
      return soon(q.subscribe(true)).then(function (response) {
        if (response.ok) { q.remember('synced', String(Date.now())); location.reload(); return null; }
        return response.json().then(function (said) { failed(said.message); });
      });
    }).catch(function (error) {
      if (error && error.message === 'slow') { show('slow'); } else { failed(''); }
    });
  });

  // Allowed again in the settings, the page takes note when it is looked at.
  document.addEventListener('visibilitychange', function () {
    if (able && document.visibilityState === 'visible' && Notification.permission !== 'denied' && !box.querySelector('[data-denied]').hidden) { show('can'); }
  });

  // Who removes this browser's link is not asked again by the next page.
  document.addEventListener('submit', function (event) {
    if (!event.target.hasAttribute('data-unsubscribe') || !able) { return; }
    navigator.serviceWorker.ready.then(function (r) { return r.pushManager.getSubscription(); }).then(function (s) {
      return s && s.unsubscribe();
    }).catch(function () { /* the server sends nothing there any more */ });
  });
}());
