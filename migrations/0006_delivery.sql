-- +goose Up
alter table delivery
    add column priority   smallint not null default 1 check (priority between 0 and 2),
    add column expires_at timestamptz,
    add column first_at   timestamptz,
    add column began_at   timestamptz,
    add column asked      integer not null default 0,
    add column resent_at  timestamptz,
    add column ref        text not null default '',
    add column cost       integer not null default 0,
    add column reported   text not null default ''
                          check (reported in ('', 'accepted', 'queued', 'sending', 'sent', 'delivered', 'read', 'undelivered', 'failed'));
comment on column delivery.priority is '0 最速件 and what asks for an answer at once, 1 normal, 2 what can wait.';
comment on column delivery.expires_at is 'After this it need not arrive any more; null: as long as its kind lasts.';
comment on column delivery.not_before is 'Not to be sent earlier; while a send is under way, when nobody can be at it any more.';
comment on column delivery.first_at is 'When the first attempt began: from then a provider remembers the key, and has the message if it has it.';
comment on column delivery.began_at is 'When the last attempt began.';
comment on column delivery.asked is 'How often the provider was asked whether it has the message (no idempotency key).';
comment on column delivery.resent_at is 'When it was sent again after the provider said that it did not have it: once, ever.';
comment on column delivery.ref is 'hub.RefOf: what a person can read out, and what finds it at a provider.';
comment on column delivery.cost is 'What was paid for it in the provider''s units: segments, messages.';
comment on column delivery.reported is 'How far the provider says it has come since, by its callbacks; never goes back.';

update delivery d
set first_at = t.first_at, began_at = t.began_at
from (select delivery, min(started_at) as first_at, max(started_at) as began_at from attempt group by delivery) t
where t.delivery = d.id;

-- What is open is what has not come to an end, whatever its state.
drop index delivery_open;
create index delivery_due on delivery (channel, priority, not_before) where done_at is null;
-- Only these two call back about a message of theirs.
create index delivery_provider on delivery (channel, provider_id) where provider_id <> '' and channel in ('messenger', 'sms');
create index delivery_unread on delivery (link) where channel = 'messenger' and state = 'accepted' and reported <> 'read';
