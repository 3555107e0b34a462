-- +goose Up
create table webhook_endpoint (
    id          text primary key check (id <> ''),
    url         text not null check (url <> ''),
    events      text[] not null check (cardinality(events) > 0),
    private     boolean not null,
    secret      bytea not null,
    old_secret  bytea,
    old_until   timestamptz,
    created_at  timestamptz not null,
    disabled_at timestamptz,
    reason      text not null default '',
    check ((old_secret is null) = (old_until is null))
);
comment on table  webhook_endpoint is 'Where the agency''s own systems take events (Standard Webhooks).';
comment on column webhook_endpoint.id is 'Opaque identifier.';
comment on column webhook_endpoint.url is 'Where to; its path may be a secret of the receiver''s.';
comment on column webhook_endpoint.events is 'hub.EventType of what it asks for.';
comment on column webhook_endpoint.private is 'It may lead into a private network.';
comment on column webhook_endpoint.secret is 'What its events are signed with, sealed.';
comment on column webhook_endpoint.old_secret is 'The secret before, sealed, while they are exchanged; null otherwise.';
comment on column webhook_endpoint.old_until is 'Until when events are signed with that too.';
comment on column webhook_endpoint.created_at is 'When it was added.';
comment on column webhook_endpoint.disabled_at is 'When it was closed; null while in use.';
comment on column webhook_endpoint.reason is 'Why it was closed.';

create table webhook_event (
    id            text primary key check (id <> ''),
    type          text not null,
    data          jsonb not null,
    created_at    timestamptz not null,
    dispatched_at timestamptz
);
create index webhook_event_fresh on webhook_event (created_at) where dispatched_at is null;
create index webhook_event_old on webhook_event (created_at);
comment on table  webhook_event is 'What an endpoint asks for and has happened; written in the transaction that made it happen.';
comment on column webhook_event.id is 'The webhook-id: the same in every attempt.';
comment on column webhook_event.type is 'hub.EventType.';
comment on column webhook_event.data is 'Identifiers and enumerated words.';
comment on column webhook_event.created_at is 'When.';
comment on column webhook_event.dispatched_at is 'When it was given to the endpoints of then.';

create table webhook_delivery (
    event      text not null references webhook_event (id) on delete cascade,
    endpoint   text not null references webhook_endpoint (id),
    state      text not null default 'pending' check (state in ('pending', 'delivered', 'failed')),
    attempts   integer not null default 0,
    next_at    timestamptz not null,
    status     integer not null default 0,
    error      text not null default '' check (length(error) <= 512),
    created_at timestamptz not null,
    done_at    timestamptz,
    primary key (event, endpoint),
    check ((state = 'pending') = (done_at is null))
);
create index webhook_delivery_due on webhook_delivery (next_at) where state = 'pending';
create index webhook_delivery_endpoint on webhook_delivery (endpoint, created_at);
comment on table  webhook_delivery is 'An event to an endpoint.';
comment on column webhook_delivery.event is 'The event.';
comment on column webhook_delivery.endpoint is 'The endpoint.';
comment on column webhook_delivery.state is 'pending, delivered or failed.';
comment on column webhook_delivery.attempts is 'How often it was tried since it was last begun.';
comment on column webhook_delivery.next_at is 'Not to be tried earlier; while it is tried, when somebody else may.';
comment on column webhook_delivery.status is 'HTTP status of the last answer; 0 when there was none.';
comment on column webhook_delivery.error is 'What went wrong last, without addresses.';
comment on column webhook_delivery.created_at is 'When it was begun.';
comment on column webhook_delivery.done_at is 'When it was delivered or given up.';

create table webhook_replay (
    id       bigint generated always as identity primary key,
    endpoint text not null,
    event    text,
    since    timestamptz,
    count    integer not null,
    person   text not null references person (id),
    session  text not null,
    address  text not null,
    at       timestamptz not null
);
create trigger webhook_replay_append_only before update or delete on webhook_replay for each row execute function refuse_change();
comment on table  webhook_replay is 'Who has had events sent again, append-only.';
comment on column webhook_replay.id is 'Order of entry.';
comment on column webhook_replay.endpoint is 'To which endpoint.';
comment on column webhook_replay.event is 'Which event; null for all that failed.';
comment on column webhook_replay.since is 'Since when; null for one event.';
comment on column webhook_replay.count is 'How many were begun again.';
comment on column webhook_replay.person is 'The administrator.';
comment on column webhook_replay.session is 'Identifier of the session.';
comment on column webhook_replay.address is 'Client address as seen through trusted proxies.';
comment on column webhook_replay.at is 'When.';

-- Events are written by triggers: that a notification is seen, for one, is said
-- by half a dozen statements, and one that forgot would never be missed. Where
-- no endpoint asks for it nothing is written.
-- +goose StatementBegin
create function webhook_emit(type text, data jsonb) returns void language sql as $$
    insert into webhook_event (id, type, data, created_at)
    select gen_random_uuid()::text, type, jsonb_strip_nulls(data), now()
    where exists (select from webhook_endpoint e where e.disabled_at is null and type = any(e.events))
$$;
-- +goose StatementEnd
comment on function webhook_emit(text, jsonb) is 'Writes an event if anybody asks for it.';

-- +goose StatementBegin
create function webhook_step() returns trigger language plpgsql as $$
begin
    perform webhook_emit(case new.origin when 'returned' then 'document.returned' else 'document.arrived' end, (
        select jsonb_build_object(
            'document', d.id, 'step', new.id, 'duty', new.duty, 'account', (select login from account a where a.person = new.person),
            'speed', case when d.grade = '' then d.speed end, 'due', case when d.grade = '' then d.due end)
        from document d
        where d.id = new.document));
    return null;
end
$$;
-- +goose StatementEnd
comment on function webhook_step() is 'A document has arrived at a station, or was returned to one (公文到達、退回).';
create trigger webhook_step_insert after insert on step for each row when (new.state = 'active') execute function webhook_step();
create trigger webhook_step_update after update of state on step for each row when (new.state = 'active' and old.state <> 'active') execute function webhook_step();

-- +goose StatementBegin
create function webhook_document() returns trigger language plpgsql as $$
begin
    perform webhook_emit('document.decided', jsonb_build_object('document', new.id));
    return null;
end
$$;
-- +goose StatementEnd
comment on function webhook_document() is 'A document was decided (決行).';
create trigger webhook_document after update of state on document for each row when (new.state = 'decided' and old.state <> 'decided') execute function webhook_document();

-- +goose StatementBegin
create function webhook_notification() returns trigger language plpgsql as $$
declare
    about jsonb := jsonb_build_object('notification', new.id, 'notice', new.notice);
begin
    if old.delivered_at is null and new.delivered_at is not null then
        perform webhook_emit('notification.delivered', about);
    end if;
    if old.seen_at is null and new.seen_at is not null then
        perform webhook_emit('notification.seen', about);
    end if;
    if old.cancelled_at is null and new.cancelled_at is not null then
        perform webhook_emit('notification.done', about);
    end if;
    return null;
end
$$;
-- +goose StatementEnd
comment on function webhook_notification() is 'A notice of another system has come further with one recipient.';
create trigger webhook_notification after update of delivered_at, seen_at, cancelled_at on notification for each row
    when (new.notice is not null and (old.delivered_at is null and new.delivered_at is not null
        or old.seen_at is null and new.seen_at is not null or old.cancelled_at is null and new.cancelled_at is not null))
    execute function webhook_notification();

-- +goose StatementBegin
create function webhook_undelivered() returns trigger language plpgsql as $$
begin
    perform webhook_emit('notification.failed', jsonb_build_object('notification', n.id, 'notice', n.notice, 'channel', new.channel))
    from notification n
    where n.id = new.notification and n.notice is not null and n.seen_at is null and n.delivered_at is null and n.cancelled_at is null
        and not exists (select from delivery d where d.notification = n.id and (d.done_at is null or d.state in ('accepted', 'unknown')));
    return null;
end
$$;
-- +goose StatementEnd
comment on function webhook_undelivered() is 'No channel has brought a notice of another system; it is in the inbox all the same.';
create trigger webhook_undelivered after update of state on delivery for each row when (new.state = 'failed' and old.state <> 'failed') execute function webhook_undelivered();
