// Has the browser make a passkey, or show one, and sends what it says with the
// form. Nothing is decided here.
(function () {
  'use strict';
  var form = document.querySelector('[data-passkey], [data-passkey-new]');
  if (!form) { return; }
  var makes = form.hasAttribute('data-passkey-new');
  var failed = form.querySelector('[data-failed]');

  function bytes(text) {
    var raw = atob(text.replace(/-/g, '+').replace(/_/g, '/') + '==='.slice((text.length + 3) % 4));
    return Uint8Array.from(raw, function (c) { return c.charCodeAt(0); });
  }
  function text(buffer) {
    return btoa(String.fromCharCode.apply(null, new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
  }
  function named(list) {
    return (list || []).map(function (c) { return Object.assign({}, c, { id: bytes(c.id) }); });
  }
  function answer(key) {
    var r = key.response, out = { id: key.id, rawId: text(key.rawId), type: key.type, clientExtensionResults: {}, response: { clientDataJSON: text(r.clientDataJSON) } };
    if (makes) {
      out.response.attestationObject = text(r.attestationObject);
      out.response.transports = r.getTransports ? r.getTransports() : [];
    } else {
      out.response.authenticatorData = text(r.authenticatorData);
      out.response.signature = text(r.signature);
      if (r.userHandle) { out.response.userHandle = text(r.userHandle); }
    }
    return JSON.stringify(out);
  }
  function ask() {
    var options = JSON.parse(form.getAttribute(makes ? 'data-passkey-new' : 'data-passkey'));
    options.challenge = bytes(options.challenge);
    if (makes) {
      options.user.id = bytes(options.user.id);
      options.excludeCredentials = named(options.excludeCredentials);
      return navigator.credentials.create({ publicKey: options });
    }
    options.allowCredentials = named(options.allowCredentials);
    return navigator.credentials.get({ publicKey: options });
  }

  form.addEventListener('submit', function (event) {
    if (form.elements.passkey.value) { return; }
    event.preventDefault();
    event.stopImmediatePropagation(); // it is not sent yet
    failed.hidden = true;
    Promise.resolve().then(ask).then(function (key) {
      form.elements.passkey.value = answer(key);
      form.submit();
    }).catch(function () { failed.hidden = false; });
  }, true);
})();
