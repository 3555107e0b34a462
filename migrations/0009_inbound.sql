-- +goose Up
create table inbound (
    channel     text not null check (channel <> ''),
    id          text not null check (id <> ''),
    kind        text not null check (kind <> ''),
    sender      bytea not null check (length(sender) = 32),
    payload     bytea not null,
    at          timestamptz not null,
    received_at timestamptz not null,
    tries       integer not null default 0,
    claimed_at  timestamptz,
    done_at     timestamptz,
    parked_at   timestamptz,
    error       text not null default '' check (length(error) <= 512),
    answer      text not null default '',
    answered_at timestamptz,
    primary key (channel, id)
);
create index inbound_open on inbound (channel, sender, at, id) where done_at is null and parked_at is null;
create index inbound_received on inbound (channel, received_at);
create index inbound_answered on inbound (channel, sender, answered_at) where answered_at is not null;
create index inbound_parked on inbound (channel, parked_at) where parked_at is not null;
comment on table  inbound is 'Events that providers sent us, durable before they are acknowledged. A row outlives its event, so that a repetition is known.';
comment on column inbound.channel is 'Through which channel.';
comment on column inbound.id is 'The provider''s id of the event, or one made of it: the key against repetitions.';
comment on column inbound.kind is 'hub.InboundKind.';
comment on column inbound.sender is 'SHA-256 of what events are kept in order by: the sender''s address, or the message that they are about.';
comment on column inbound.payload is 'The event, sealed; empty once it was dealt with.';
comment on column inbound.at is 'When it happened, by the provider''s clock, within reason.';
comment on column inbound.received_at is 'When it reached us.';
comment on column inbound.tries is 'How often somebody began to deal with it.';
comment on column inbound.claimed_at is 'When that was begun last; somebody is at it until its lease is over.';
comment on column inbound.done_at is 'When it had its effect.';
comment on column inbound.parked_at is 'When it was given up; somebody has to look at it.';
comment on column inbound.error is 'Why it failed last, without addresses or content.';
comment on column inbound.answer is 'Which kind of answer its sender was given.';
comment on column inbound.answered_at is 'When: answers are limited by sender.';

create table pairing (
    id           text primary key check (id <> ''),
    person       text not null references person (id),
    session      text not null references session (id),
    channel      text not null check (channel in ('line', 'messenger')),
    state        text not null check (state in ('waiting', 'met', 'done', 'failed', 'expired')),
    secret_hash  bytea not null check (length(secret_hash) = 32),
    address_hash bytea check (length(address_hash) = 32),
    address      bytea,
    code_hash    bytea check (length(code_hash) = 32),
    code_ends_at timestamptz,
    tries        integer not null default 0,
    reason       text not null default '',
    created_at   timestamptz not null,
    expires_at   timestamptz not null,
    ended_at     timestamptz,
    check (state <> 'met' or address is not null and code_hash is not null)
);
create unique index pairing_secret on pairing (channel, secret_hash);
create unique index pairing_open on pairing (person, channel) where state in ('waiting', 'met');
create index pairing_created on pairing (person, channel, created_at);
create index pairing_ended on pairing (expires_at);
comment on table  pairing is 'Attempts of signed-in people to link a channel of theirs.';
comment on column pairing.id is 'Opaque identifier.';
comment on column pairing.person is 'Who is signed in.';
comment on column pairing.session is 'With which session: its end ends the attempt.';
comment on column pairing.channel is 'Which channel.';
comment on column pairing.state is 'hub.PairingState.';
comment on column pairing.secret_hash is 'SHA-256 of the nonce or ref that comes back through the other app.';
comment on column pairing.address_hash is 'SHA-256 of the address that came with it first: no other one gets a code.';
comment on column pairing.address is 'That address, sealed.';
comment on column pairing.code_hash is 'SHA-256 of the code that was shown there, with the id before it.';
comment on column pairing.code_ends_at is 'Until when the code is good.';
comment on column pairing.tries is 'Wrong codes so far.';
comment on column pairing.reason is 'Why it failed.';
comment on column pairing.created_at is 'When it was begun.';
comment on column pairing.expires_at is 'When it is over unless it was finished: a provider may say nothing of a failure.';
comment on column pairing.ended_at is 'When it was finished or failed.';

-- A person has one LINE, one Messenger and one number for messages.
update channel_link l
set disabled_at = now(), reason = 'another was linked'
where disabled_at is null and channel in ('line', 'messenger', 'sms') and exists (
    select from channel_link o
    where o.person = l.person and o.channel = l.channel and o.disabled_at is null and (o.created_at, o.id) > (l.created_at, l.id)
);
create unique index channel_link_one on channel_link (person, channel) where disabled_at is null and channel in ('line', 'messenger', 'sms');

alter table notification add column about text not null default '';
alter table notification add column link text not null default '';
comment on column notification.about is 'The channel that it tells of: linked, unlinked.';
comment on column notification.link is 'The link that it tells of, which it is not told through.';

-- For telling people of an address of theirs that has ended by itself.
create index channel_link_ended on channel_link (disabled_at) where disabled_at is not null and channel <> 'webpush';
create index notification_link on notification (link) where link <> '';
