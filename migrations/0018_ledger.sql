-- +goose Up
-- The ledger latest first, and what is old enough to be moved.
create index notification_created on notification (created_at, id);
-- What went wrong is looked for, and there is little of it.
create index delivery_trouble on delivery (notification) where state in ('failed', 'unknown');

-- Partitions have the days of Asia/Taipei and are made and dropped by the
-- server. There is no foreign key: a record outlives what it is about.
create table ledger (
    id            text not null,
    person        text not null,
    seq           bigint not null,
    kind          text not null,
    document      text not null,
    step          text not null,
    about         text not null,
    speed         text not null,
    grade         text not null,
    due           timestamptz,
    created_at    timestamptz not null,
    delivered_at  timestamptz,
    seen_at       timestamptz,
    seen_via      text not null,
    cancelled_at  timestamptz,
    cancel_reason text not null,
    deliveries    jsonb not null,
    keys          text[] not null,
    marks         text[] not null,
    primary key (created_at, id)
) partition by range (created_at);
create index ledger_person on ledger (person, created_at, id);
create index ledger_kind on ledger (kind, created_at);
create index ledger_id on ledger (id);
create index ledger_keys on ledger using gin (keys);
create index ledger_marks on ledger using gin (marks);
comment on table  ledger is 'Notifications that are over and done with, and everything that was done about them; by day, kept as long as the policy says.';
comment on column ledger.id is 'The notification''s.';
comment on column ledger.person is 'Who was told.';
comment on column ledger.seq is 'Position in the person''s inbox.';
comment on column ledger.kind is 'hub.Kind.';
comment on column ledger.document is 'The document, empty when it was about none.';
comment on column ledger.step is 'The step, empty when it was about none.';
comment on column ledger.about is 'The channel that it told of, empty when it told of none.';
comment on column ledger.speed is '速別 at that time.';
comment on column ledger.grade is '密等 at that time.';
comment on column ledger.due is 'End of the deadline at that time.';
comment on column ledger.created_at is 'When it happened.';
comment on column ledger.delivered_at is 'First sign that a device had it.';
comment on column ledger.seen_at is 'First sign that the person saw it.';
comment on column ledger.seen_via is 'Where.';
comment on column ledger.cancelled_at is 'When it lost its point.';
comment on column ledger.cancel_reason is 'Why.';
comment on column ledger.deliveries is 'Its deliveries with their attempts, as hub.LedgerDelivery writes itself; no addresses.';
comment on column ledger.keys is 'What it is found by: ids, provider''s names and references of its deliveries.';
comment on column ledger.marks is 'What it is narrowed by: channels, states, and both of one delivery (line accepted).';

alter table channel_state
    add column last_sent_at  timestamptz,
    add column last_error    text not null default '',
    add column last_error_at timestamptz,
    add column quota_limit   bigint not null default 0,
    add column quota_used    bigint not null default 0,
    add column quota_at      timestamptz,
    add column cost_month    text not null default '',
    add column cost          bigint not null default 0;
comment on table  channel_state is 'How channels do: breakers, quotas, the last of their successes and failures.';
comment on column channel_state.last_sent_at is 'When a provider last took a message.';
comment on column channel_state.last_error is 'What went wrong last, in the provider''s words, without addresses.';
comment on column channel_state.last_error_at is 'When.';
comment on column channel_state.quota_limit is 'Messages of the provider''s monthly quota; 0 for none.';
comment on column channel_state.quota_used is 'How many of them are used.';
comment on column channel_state.quota_at is 'When it was asked; null when it never was.';
comment on column channel_state.cost_month is 'The month of cost, as 2026-11 in Asia/Taipei.';
comment on column channel_state.cost is 'What the messages of that month have cost, in the provider''s units.';

create table channel_tally (
    channel text not null,
    minute  timestamptz not null,
    outcome text not null,
    count   bigint not null,
    primary key (channel, minute, outcome)
);
comment on table  channel_tally is 'How many calls ended how, by minute; written every few seconds, kept for a day.';
comment on column channel_tally.channel is 'Which channel.';
comment on column channel_tally.minute is 'Its beginning.';
comment on column channel_tally.outcome is 'hub.Outcome.';
comment on column channel_tally.count is 'How many.';
