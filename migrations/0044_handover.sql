-- +goose Up
alter table device add column replaced_by text;
alter table device add column displaces_at timestamptz;
comment on column device.replaced_by is 'The device that took its place (單一行動裝置); null when it was not retired by that.';
comment on column device.displaces_at is 'When it may retire others: it was confirmed by a text alone, and these have time to object. Null for never, or done.';

create table handover (
    id         text primary key check (id <> ''),
    account    text not null references account (id),
    session    text not null references session (id) on delete cascade,
    device     text not null references device (id) on delete cascade,
    number     smallint not null check (number between 10 and 99),
    choices    smallint[] not null check (cardinality(choices) = 3),
    created_at timestamptz not null,
    closed_at  timestamptz,
    done       boolean not null default false,
    answerer   text not null default '',
    check (closed_at is not null or not done)
);
create index handover_account on handover (account, created_at);
create index handover_session on handover (session);
create unique index handover_open on handover (session) where closed_at is null;
comment on table handover is 'Another browser context of the same phone asks to be let in: good for a minute and for one answer.';
comment on column handover.id is 'ULID.';
comment on column handover.account is 'Whose phone it is.';
comment on column handover.session is 'The one that waits, of the new context.';
comment on column handover.device is 'The new context.';
comment on column handover.number is 'What the new context shows; to be picked on one that is trusted.';
comment on column handover.choices is 'The three among which it is picked.';
comment on column handover.created_at is 'When it began.';
comment on column handover.closed_at is 'When it was answered, or another took its place; null while open.';
comment on column handover.done is 'It was answered with the number.';
comment on column handover.answerer is 'Device on which it was answered; empty for none.';
