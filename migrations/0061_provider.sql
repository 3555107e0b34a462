-- +goose Up
create table account_identity (
    source     text not null check (source <> ''),
    subject    text not null check (subject <> ''),
    account    text not null references account (id),
    created_at timestamptz not null,
    last_at    timestamptz not null,
    primary key (source, subject),
    unique (account, source)
);
comment on table  account_identity is 'Who of a sign-in provider (directory, portal) has which account.';
comment on column account_identity.source is 'Name of the provider in the configuration.';
comment on column account_identity.subject is 'What the provider knows the person by, which does not change: objectGUID, sub.';
comment on column account_identity.account is 'Whose it is here.';
comment on column account_identity.created_at is 'First sign-in by it.';
comment on column account_identity.last_at is 'Last sign-in by it.';

create table sign_in_flow (
    id          text primary key check (id <> ''),
    secret_hash bytea not null check (length(secret_hash) = 32),
    purpose     text not null check (purpose in ('provider', 'second', 'prove', 'totp', 'passkey')),
    account     text references account (id),
    session     text not null default '',
    address     text not null default '',
    sealed      bytea not null,
    created_at  timestamptz not null,
    expires_at  timestamptz not null
);
create index sign_in_flow_over on sign_in_flow (expires_at);
create index sign_in_flow_address on sign_in_flow (address, created_at) where address <> '';
comment on table  sign_in_flow is 'Something begun in one browser that ends in the same one within minutes: a sign-in elsewhere, a second factor, the adding of one. Taking it out uses it up.';
comment on column sign_in_flow.id is 'Opaque identifier, first half of the cookie.';
comment on column sign_in_flow.secret_hash is 'SHA-256 of the second half of the cookie.';
comment on column sign_in_flow.purpose is 'provider: a portal was asked. second: a first factor was shown. prove: a session shows a factor again. totp, passkey: one is added.';
comment on column sign_in_flow.account is 'Whose; null before anybody is known.';
comment on column sign_in_flow.session is 'The session in which it has to end; empty for a sign-in.';
comment on column sign_in_flow.address is 'Address group of who began it without being known, for limits.';
comment on column sign_in_flow.sealed is 'State, nonce, verifier, challenge, what was proved and where to go on: sealed, the row''s id authenticated.';
comment on column sign_in_flow.created_at is 'When it began.';
comment on column sign_in_flow.expires_at is 'When it is over.';

create table factor (
    id            text primary key check (id <> ''),
    account       text not null references account (id),
    kind          text not null check (kind in ('totp', 'passkey')),
    label         text not null default '',
    credential_id bytea unique,
    sealed        bytea not null,
    last_step     bigint not null default 0,
    created_at    timestamptz not null,
    last_used_at  timestamptz,
    check ((credential_id is null) = (kind = 'totp'))
);
create index factor_account on factor (account);
comment on table  factor is 'Second factors of accounts.';
comment on column factor.id is 'Opaque identifier.';
comment on column factor.account is 'Whose.';
comment on column factor.kind is 'totp: an authenticator app. passkey: a key in a phone, computer or token.';
comment on column factor.label is 'What the owner reads in the list: the browser it was added on.';
comment on column factor.credential_id is 'What a passkey is known by.';
comment on column factor.sealed is 'The app''s secret, or the passkey''s public key and counter: sealed, the row''s id authenticated.';
comment on column factor.last_step is 'Last 30-second step whose digits were used; those of it and before are refused.';
comment on column factor.created_at is 'When it was added.';
comment on column factor.last_used_at is 'When it was shown last.';

create table recovery_code (
    account    text not null references account (id),
    hash       bytea not null check (length(hash) = 32),
    created_at timestamptz not null,
    used_at    timestamptz,
    primary key (account, hash)
);
comment on table  recovery_code is 'Codes on paper for whoever has lost a second factor; each is good once.';
comment on column recovery_code.account is 'Whose.';
comment on column recovery_code.hash is 'SHA-256 of the code, which has 80 random bits.';
comment on column recovery_code.created_at is 'When it was made.';
comment on column recovery_code.used_at is 'When it was used; null while it is good.';
