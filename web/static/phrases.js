// 常用語 without another page, and a draft that survives a lost line or a
// session that has ended. Without this script a phrase is a button of the form.
(function () {
  'use strict';
  var form = document.querySelector('form[data-draft]'), q = window.qianhe;
  var area = form && form.querySelector('textarea');
  if (!area || !q) { return; }

  // decide.go of the server does the same.
  function join(text, phrase) {
    text = text.replace(/[ \n\t]+$/, '');
    if (text === '') { return phrase; }
    return text + (/[.!?:;,。！？：；，、]$/.test(text) ? '' : '，') + phrase;
  }

  var key = 'draft ' + form.dataset.draft + ' ' + form.querySelector('button[name=do]').value;
  function changed() {
    q.remember(key, area.value || null);
    area.style.height = 'auto';
    area.style.height = Math.min(area.scrollHeight + 4, window.innerHeight / 2) + 'px';
  }

  if (area.value === '' && !area.hasAttribute('aria-invalid')) {
    area.value = q.remember(key) || '';
  }
  changed();
  area.addEventListener('input', changed);
  form.addEventListener('click', function (event) {
    var button = event.target.closest('button[name=phrase]');
    if (!button) { return; }
    event.preventDefault();
    area.value = join(area.value, button.value);
    changed();
  });
}());
