-- +goose Up
alter table api_token add column origins text[] not null default '{}';
comment on column api_token.origins is 'Origins, such as https://hr.example.gov.tw, that links of its notices may lead to; nothing else is accepted.';
alter table api_token add column per_minute integer not null default 0 check (per_minute >= 0);
comment on column api_token.per_minute is 'How many recipients its notices may have in a minute; 0 for the server''s default.';

-- There is no foreign key to or from notices. Tokens are never deleted, and a
-- notification is written by the statement that writes its notice; a key would
-- have every row looked up once more, with a plan made while the table was
-- empty.
create table notice (
    id         text primary key check (id <> ''),
    token      text not null,
    key        text not null check (key <> ''),
    content    bytea not null check (length(content) = 32),
    kind       text not null check (kind in ('form.pending', 'announcement')),
    title      text not null check (title <> ''),
    url        text not null default '',
    speed      text not null default '',
    due        timestamptz,
    refused    jsonb not null default '{}',
    created_at timestamptz not null,
    done_at    timestamptz,
    unique (token, key)
);
comment on table  notice is 'What other systems tell people through us: forms that wait there (待審核表單), announcements (公告).';
comment on column notice.id is 'Opaque identifier.';
comment on column notice.token is 'The token that sent it: which system.';
comment on column notice.key is 'The sender''s own name of it, unique for its token; the identifier where it gave none.';
comment on column notice.content is 'SHA-256 of what was sent: the same key with something else is refused.';
comment on column notice.kind is 'form.pending or announcement.';
comment on column notice.title is 'One line, shown on our own pages only.';
comment on column notice.url is 'Where it is handled, of an origin registered for the token; empty when there is no link.';
comment on column notice.speed is '速別.';
comment on column notice.due is 'End of the deadline; null when there is none.';
comment on column notice.refused is 'Account names that nothing was written for, and why: unknown, disabled.';
comment on column notice.created_at is 'When it was sent.';
comment on column notice.done_at is 'When nothing waits for anybody any more: handled there, or withdrawn.';

alter table notification add column notice text;
comment on column notification.notice is 'The notice of another system, when it is one.';
create index notification_notice on notification (notice) where notice is not null;
create index notification_form on notification (person) where kind = 'form.pending' and cancelled_at is null;
