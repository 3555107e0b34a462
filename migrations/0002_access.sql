-- +goose Up
create table account (
    id            text primary key check (id <> ''),
    person        text not null unique references person (id),
    login         text not null unique check (login <> '' and login = lower(login)),
    password_hash text not null,
    must_change   boolean not null default false,
    locale        text not null default 'zh-TW' check (locale in ('zh-TW', 'en')),
    created_at    timestamptz not null,
    disabled_at   timestamptz
);
comment on table  account is 'What a person signs in with.';
comment on column account.id is 'Opaque identifier.';
comment on column account.person is 'Whose.';
comment on column account.login is 'Account name, lower case.';
comment on column account.password_hash is 'argon2id in PHC form; empty when the account has no local password.';
comment on column account.must_change is 'The password was set by somebody else and must be changed.';
comment on column account.locale is 'Language of screens and messages.';
comment on column account.created_at is 'When it was created.';
comment on column account.disabled_at is 'When it was closed; null while in use.';

create table device (
    id           text primary key check (id <> ''),
    account      text not null references account (id),
    secret_hash  bytea not null check (length(secret_hash) = 32),
    label        text not null,
    platform     text not null default '',
    created_at   timestamptz not null,
    last_seen_at timestamptz not null,
    revoked_at   timestamptz
);
create index device_account on device (account);
comment on table  device is 'A browser that an account has signed in on.';
comment on column device.id is 'Opaque identifier.';
comment on column device.account is 'Whose.';
comment on column device.secret_hash is 'SHA-256 of the device cookie''s secret.';
comment on column device.label is 'What the owner reads in the list: iPhone · Safari.';
comment on column device.platform is 'ios, android, windows, macos, linux or empty.';
comment on column device.created_at is 'First sign-in.';
comment on column device.last_seen_at is 'Last use, to about a minute.';
comment on column device.revoked_at is 'When it was signed out for good.';

create table session (
    id           text primary key check (id <> ''),
    account      text not null references account (id),
    device       text not null references device (id),
    secret_hash  bytea not null check (length(secret_hash) = 32),
    address      text not null default '',
    created_at   timestamptz not null,
    last_seen_at timestamptz not null,
    expires_at   timestamptz not null,
    revoked_at   timestamptz
);
create index session_account on session (account) where revoked_at is null;
create index session_device on session (device) where revoked_at is null;
comment on table  session is 'One sign-in on one device.';
comment on column session.id is 'Opaque identifier, first half of the cookie.';
comment on column session.account is 'Whose.';
comment on column session.device is 'On which device.';
comment on column session.secret_hash is 'SHA-256 of the second half of the cookie.';
comment on column session.address is 'Client address at sign-in.';
comment on column session.created_at is 'When.';
comment on column session.last_seen_at is 'Last use, to about a minute.';
comment on column session.expires_at is 'Absolute end.';
comment on column session.revoked_at is 'When it was signed out or revoked.';

create table sign_in_attempt (
    id      bigint generated always as identity primary key,
    login   bytea not null,
    address text not null,
    at      timestamptz not null,
    ok      boolean not null
);
create index sign_in_attempt_login on sign_in_attempt (login, at);
create index sign_in_attempt_address on sign_in_attempt (address, at);
comment on table  sign_in_attempt is 'Sign-in attempts of the last day, for rate limits.';
comment on column sign_in_attempt.id is 'Order of entry.';
comment on column sign_in_attempt.login is 'SHA-256 of the login that was tried, whether it exists or not.';
comment on column sign_in_attempt.address is 'Client address.';
comment on column sign_in_attempt.at is 'When.';
comment on column sign_in_attempt.ok is 'Whether it succeeded.';

create table api_token (
    id           text primary key check (id <> ''),
    name         text not null check (name <> ''),
    secret_hash  bytea not null check (length(secret_hash) = 32),
    scopes       text[] not null,
    created_at   timestamptz not null,
    expires_at   timestamptz,
    last_used_at timestamptz,
    revoked_at   timestamptz
);
comment on table  api_token is 'Tokens with which other systems call the API.';
comment on column api_token.id is 'Opaque identifier, the public half of the token.';
comment on column api_token.name is 'Which system it was given to.';
comment on column api_token.secret_hash is 'SHA-256 of the secret half.';
comment on column api_token.scopes is 'What it may do: documents:write.';
comment on column api_token.created_at is 'When it was issued.';
comment on column api_token.expires_at is 'When it ends; null for never.';
comment on column api_token.last_used_at is 'Last use, to about a minute.';
comment on column api_token.revoked_at is 'When it was withdrawn.';

create table server_secret (
    name       text primary key check (name <> ''),
    sealed     bytea not null,
    created_at timestamptz not null
);
comment on table  server_secret is 'Keys that all nodes share (VAPID, form tokens), sealed under the configured secret.';
comment on column server_secret.name is 'Which.';
comment on column server_secret.sealed is 'AES-256-GCM, nonce first; the name is authenticated with it.';
comment on column server_secret.created_at is 'When it was made.';
