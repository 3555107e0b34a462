// The page of a sign-in that waits goes on by itself, as soon as it was
// confirmed or denied somewhere else. Without this script it loads itself again,
// but for while a code is being typed.
(function () {
  'use strict';
  var place = document.querySelector('[data-waits]'), q = window.qianhe;
  if (!place || !q) { return; }
  var patience = 1500;
  function look() {
    if (document.hidden) { again(); return; }
    q.load('/waiting/state', function (now, status) {
      if (status === 401 || (now && now.state !== place.dataset.waits) ||
        (now && place.dataset.number && String(now.number) !== place.dataset.number)) { location.reload(); return; }
      again();
    }, 'json');
  }
  function again() {
    setTimeout(look, patience);
    patience = Math.min(5000, patience * 1.1);
  }
  document.addEventListener('visibilitychange', function () { patience = 1500; });
  again();
}());
