// Runs inside LINE: hands LINE's ID token to the server, which has it checked
// by LINE. The address is left alone until LINE's own script has read it.
(function () {
  'use strict';
  var box = document.querySelector('[data-liff]');
  if (!box) { return; }
  function show(name) {
    ['busy', 'done', 'failed', 'outside'].forEach(function (other) {
      box.querySelector('[data-' + other + ']').hidden = other !== name;
    });
  }
  var liff = window.liff;
  if (!liff) { show('outside'); return; }
  show('busy');
  liff.init({ liffId: box.dataset.liff }).then(function () {
    var token = liff.isLoggedIn() && liff.getIDToken();
    if (!token) { show('outside'); return; }
    return fetch('/link/line/liff', {
      method: 'POST', credentials: 'same-origin', headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ idToken: token, nonce: box.dataset.nonce })
    }).then(function (answer) { show(answer.ok ? 'done' : 'failed'); });
  }).catch(function () { show('failed'); });
})();
