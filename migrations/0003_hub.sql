-- +goose Up
create table inbox (
    person text primary key references person (id),
    epoch  text not null check (epoch <> ''),
    seq    bigint not null default 0,
    rev    bigint not null default 0
);
comment on table  inbox is 'Where each person''s inbox stands. Bumped in the transaction that changes it, so commit order is sequence order.';
comment on column inbox.person is 'Whose.';
comment on column inbox.epoch is 'A new one says that old sequence numbers mean nothing.';
comment on column inbox.seq is 'Sequence number of the last notification.';
comment on column inbox.rev is 'Bumped by everything a page of this person would show: notifications and counts.';

create table channel_link (
    id           text primary key check (id <> ''),
    person       text not null references person (id),
    channel      text not null check (channel in ('webpush', 'line')),
    address_hash bytea not null check (length(address_hash) = 32),
    address      bytea not null,
    keys         bytea not null default '',
    session      text references session (id),
    label        text not null default '',
    created_at   timestamptz not null,
    confirmed_at timestamptz not null,
    disabled_at  timestamptz,
    reason       text not null default ''
);
create unique index channel_link_live on channel_link (channel, address_hash) where disabled_at is null;
create index channel_link_person on channel_link (person) where disabled_at is null;
comment on table  channel_link is 'Where channels reach people: LINE users, push subscriptions.';
comment on column channel_link.id is 'Opaque identifier.';
comment on column channel_link.person is 'Whose.';
comment on column channel_link.channel is 'Which channel.';
comment on column channel_link.address_hash is 'SHA-256 of the address: an address belongs to one person at a time.';
comment on column channel_link.address is 'The address, sealed: it is a capability.';
comment on column channel_link.keys is 'Keys that belong to it, sealed JSON.';
comment on column channel_link.session is 'The session that subscribed (Web Push); its end ends the link.';
comment on column channel_link.label is 'What its owner reads in the list.';
comment on column channel_link.created_at is 'When it was linked.';
comment on column channel_link.confirmed_at is 'When it was last known to be good.';
comment on column channel_link.disabled_at is 'When it was unlinked or found dead.';
comment on column channel_link.reason is 'Why it was disabled.';

create table notification (
    id            text primary key check (id <> ''),
    person        text not null references person (id),
    seq           bigint not null,
    kind          text not null,
    dedup         text not null,
    document      text references document (id),
    step          text references step (id),
    speed         text not null default '',
    grade         text not null default '',
    due           timestamptz,
    created_at    timestamptz not null,
    routed_at     timestamptz,
    delivered_at  timestamptz,
    seen_at       timestamptz,
    seen_via      text not null default '',
    cancelled_at  timestamptz,
    cancel_reason text not null default '',
    unique (person, seq),
    unique (person, dedup)
);
create index notification_step on notification (step) where seen_at is null and cancelled_at is null;
comment on table  notification is 'One thing told to one person; written in the transaction that caused it.';
comment on column notification.id is 'Opaque identifier.';
comment on column notification.person is 'Who is told.';
comment on column notification.seq is 'Position in the person''s inbox.';
comment on column notification.kind is 'hub.Kind.';
comment on column notification.dedup is 'What makes it the same notification for this person.';
comment on column notification.document is 'The document, when it is about one.';
comment on column notification.step is 'The step, when it is about one.';
comment on column notification.speed is '速別 at that time.';
comment on column notification.grade is '密等 at that time.';
comment on column notification.due is 'End of the deadline at that time.';
comment on column notification.created_at is 'When it happened.';
comment on column notification.routed_at is 'When its deliveries were planned.';
comment on column notification.delivered_at is 'First sign that a device has it (socket ack, push event); cancels nothing.';
comment on column notification.seen_at is 'First sign that the person saw it.';
comment on column notification.seen_via is 'Where.';
comment on column notification.cancelled_at is 'When it lost its point: decided, withdrawn.';
comment on column notification.cancel_reason is 'Why.';

create table delivery (
    id           text primary key check (id <> ''),
    notification text not null references notification (id),
    channel      text not null,
    link         text not null references channel_link (id),
    state        text not null check (state in ('pending', 'sending', 'accepted', 'failed', 'cancelled', 'unknown')),
    not_before   timestamptz not null,
    attempts     integer not null default 0,
    provider_id  text not null default '',
    reason       text not null default '',
    created_at   timestamptz not null,
    done_at      timestamptz,
    delivered_at timestamptz,
    unique (notification, link)
);
create index delivery_open on delivery (not_before) where state in ('pending', 'sending', 'unknown');
comment on table  delivery is 'One notification to one address: the business record of who was told.';
comment on column delivery.id is 'Opaque identifier, also the idempotency key.';
comment on column delivery.notification is 'What is told.';
comment on column delivery.channel is 'Through which channel.';
comment on column delivery.link is 'To which address.';
comment on column delivery.state is 'pending, sending, accepted, failed, cancelled or unknown.';
comment on column delivery.not_before is 'Not to be sent earlier.';
comment on column delivery.attempts is 'How often a send was begun.';
comment on column delivery.provider_id is 'The provider''s name for it.';
comment on column delivery.reason is 'Why it failed or was cancelled.';
comment on column delivery.created_at is 'When it was planned.';
comment on column delivery.done_at is 'When it reached a final state.';
comment on column delivery.delivered_at is 'When the device said it has it.';

create table attempt (
    delivery    text not null references delivery (id),
    number      integer not null,
    started_at  timestamptz not null,
    finished_at timestamptz,
    outcome     text not null default 'started'
                check (outcome in ('started', 'accepted', 'duplicate', 'retry', 'permanent', 'rejected', 'unknown', 'channel_down')),
    detail      text not null default '' check (length(detail) <= 512),
    primary key (delivery, number)
);
comment on table  attempt is 'One send: the row is written before the call goes out.';
comment on column attempt.delivery is 'The delivery.';
comment on column attempt.number is 'From 1.';
comment on column attempt.started_at is 'Before the call.';
comment on column attempt.finished_at is 'After it; null when the process died in between.';
comment on column attempt.outcome is 'What became of it.';
comment on column attempt.detail is 'Reason in the provider''s words, without addresses or content.';

create table channel_state (
    channel    text primary key,
    down_until timestamptz,
    reason     text not null default '',
    changed_at timestamptz not null
);
comment on table  channel_state is 'Breakers: channels through which nobody can be reached at present.';
comment on column channel_state.channel is 'Which.';
comment on column channel_state.down_until is 'Closed again after this; null means in service.';
comment on column channel_state.reason is 'Why.';
comment on column channel_state.changed_at is 'When this was found.';
