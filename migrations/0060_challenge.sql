-- +goose Up
alter table account add column refused_until timestamptz;
alter table account add column texts_off boolean not null default false;
comment on column account.refused_until is 'Until when new devices are refused, because one was denied; null for never.';
comment on column account.texts_off is 'A new device was denied and there is no local password to change: a text alone confirms none until somebody else has.';

create table challenge (
    id         text primary key check (id <> ''),
    account    text not null references account (id),
    session    text not null unique references session (id) on delete cascade,
    device     text not null references device (id) on delete cascade,
    network    text not null default '',
    state      text not null check (state in ('open', 'confirmed', 'denied')),
    answerer   text not null default '' check (answerer in ('', 'device', 'text', 'vouch')),
    took_over  boolean not null default false,
    sealed     bytea not null,
    deny_hash  bytea unique check (length(deny_hash) = 32),
    code_until timestamptz,
    tries      integer not null default 0 check (tries >= 0),
    texts      integer not null default 0 check (texts >= 0),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    closed_at  timestamptz,
    check ((state = 'open') = (answerer = '') and (state = 'open') = (closed_at is null))
);
create index challenge_account on challenge (account, created_at);
create index challenge_device on challenge (device);
comment on table  challenge is 'A sign-in on a new device that its owner confirms or denies. One per waiting session.';
comment on column challenge.id is 'Opaque identifier.';
comment on column challenge.account is 'Whose.';
comment on column challenge.session is 'The session that waits.';
comment on column challenge.device is 'The device that is new.';
comment on column challenge.network is 'From where: intranet, vpn, outside or empty.';
comment on column challenge.state is 'open, confirmed or denied; an open one that has expired can no longer be answered.';
comment on column challenge.answerer is 'device: on a trusted one. text: with what a text has brought. vouch: by the registry desk or an administrator. Empty while open.';
comment on column challenge.took_over is 'A text alone has confirmed it, while the account had devices of before: it reads only, and they may object.';
comment on column challenge.sealed is 'Numbers to match, code and deny code, sealed JSON: a text that is sent again repeats its code.';
comment on column challenge.deny_hash is 'HMAC of the deny code, to find the challenge by; null while no text was asked for.';
comment on column challenge.code_until is 'When the code ends; null while no text was asked for.';
comment on column challenge.tries is 'Wrong codes so far.';
comment on column challenge.texts is 'How often the text was sent.';
comment on column challenge.created_at is 'When somebody signed in.';
comment on column challenge.expires_at is 'When nobody can answer any more.';
comment on column challenge.closed_at is 'When it was answered; null while open.';
