-- +goose Up
create table access_event (
    id      bigint generated always as identity primary key,
    at      timestamptz not null,
    kind    text not null check (kind ~ '^[a-z]+(\.[a-z_]+)+$'),
    actor   text references person (id),
    person  text references person (id),
    account text references account (id),
    session text not null default '',
    device  text not null default '',
    address text not null default '',
    network text not null default '',
    detail  jsonb not null default '{}' check (jsonb_typeof(detail) = 'object')
);
create index access_event_at on access_event (at desc, id desc);
create index access_event_kind on access_event (kind, at desc, id desc);
create index access_event_actor on access_event (actor, at desc, id desc) where actor is not null;
create index access_event_person on access_event (person, at desc, id desc) where person is not null;
create index access_event_address on access_event (address text_pattern_ops, at desc) where address <> '';
comment on table  access_event is 'The audit trail (稽核紀錄): who did what to whose access, from where. Append-only; what is done to documents is in decision.';
comment on column access_event.id is 'Order of entry.';
comment on column access_event.at is 'When.';
comment on column access_event.kind is 'access.EventKind.';
comment on column access_event.actor is 'Who did it; null when nobody known: a stranger, a provider, the operator of the server.';
comment on column access_event.person is 'Whose access it is about; null for what is about nobody''s.';
comment on column access_event.account is 'Which account it is about.';
comment on column access_event.session is 'Identifier of the session in which it was done.';
comment on column access_event.device is 'Identifier of the device it is about, or on which it was done.';
comment on column access_event.address is 'Client address as seen through trusted proxies.';
comment on column access_event.network is 'Class of the network that the address is in; empty when not known.';
comment on column access_event.detail is 'What else: enumerated words, identifiers, names; never a secret.';
create index decision_at on decision (at desc, id desc);

-- Rows go by age, all of them or none: expire_access_events says so, within its
-- own transaction, and nothing else does.
-- +goose StatementBegin
create function keep_access_event() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and current_setting('qianhe.expiring', true) = 'access_event' then
        return old;
    end if;
    raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end
$$;
-- +goose StatementEnd
comment on function keep_access_event() is 'Refuses every change of access_event but its retention.';
create trigger access_event_append_only before update or delete on access_event for each row execute function keep_access_event();
create trigger access_event_no_truncate before truncate on access_event for each statement execute function refuse_change();

-- +goose StatementBegin
create function expire_access_events(before timestamptz) returns bigint language plpgsql as $$
declare
    n bigint;
begin
    if before > now() - interval '6 months' then
        raise exception 'access events are kept for six months at least' using errcode = 'restrict_violation';
    end if;
    perform set_config('qianhe.expiring', 'access_event', true);
    delete from access_event where at < before;
    get diagnostics n = row_count;
    perform set_config('qianhe.expiring', '', true);
    return n;
end
$$;
-- +goose StatementEnd
comment on function expire_access_events(timestamptz) is 'Removes what is older, which must be six months at least, and says how much it was.';

-- Links of channels begin and end in a dozen statements; a trigger forgets none.
-- Who did it is what the transaction says: access.Origin in settings of its own.
-- +goose StatementBegin
create function audit_channel_link() returns trigger language plpgsql as $$
declare
    who text := nullif(current_setting('qianhe.actor', true), '');
    sid text := coalesce(nullif(current_setting('qianhe.session', true), ''), '');
begin
    insert into access_event (at, kind, actor, person, account, session, device, address, network, detail)
    select
        case tg_op when 'INSERT' then new.created_at else new.disabled_at end,
        case tg_op when 'INSERT' then 'channel.linked' else 'channel.unlinked' end,
        who, new.person, (select a.id from account a where a.person = new.person), sid,
        coalesce((select s.device from session s where s.id = new.session), ''),
        coalesce(current_setting('qianhe.address', true), ''), coalesce(current_setting('qianhe.network', true), ''),
        jsonb_strip_nulls(jsonb_build_object('channel', new.channel, 'link', new.id, 'reason', case when tg_op = 'UPDATE' then new.reason end));
    return null;
end
$$;
-- +goose StatementEnd
comment on function audit_channel_link() is 'A channel was linked, or a link has ended (綁定、解除).';
create trigger audit_channel_link_insert after insert on channel_link for each row execute function audit_channel_link();
create trigger audit_channel_link_update after update of disabled_at on channel_link for each row
    when (old.disabled_at is null and new.disabled_at is not null) execute function audit_channel_link();

-- +goose StatementBegin
create function audit_hub_policy() returns trigger language plpgsql as $$
begin
    insert into access_event (at, kind, actor, session, address, network, detail)
    values (new.set_at, 'policy.changed', new.set_by, coalesce(current_setting('qianhe.session', true), ''),
        coalesce(current_setting('qianhe.address', true), ''), coalesce(current_setting('qianhe.network', true), ''),
        jsonb_build_object('version', new.version::text));
    return null;
end
$$;
-- +goose StatementEnd
comment on function audit_hub_policy() is 'How people are told was changed for all of the organisation.';
create trigger audit_hub_policy after insert on hub_policy for each row execute function audit_hub_policy();

-- +goose StatementBegin
create function audit_webhook_replay() returns trigger language plpgsql as $$
begin
    insert into access_event (at, kind, actor, session, address, network, detail)
    values (new.at, 'webhook.replayed', new.person, new.session, new.address, coalesce(current_setting('qianhe.network', true), ''),
        jsonb_build_object('endpoint', new.endpoint, 'count', new.count::text));
    return null;
end
$$;
-- +goose StatementEnd
comment on function audit_webhook_replay() is 'Somebody had events sent again.';
create trigger audit_webhook_replay after insert on webhook_replay for each row execute function audit_webhook_replay();

-- What was recorded in other places before.
insert into access_event (at, kind, actor, detail)
select set_at, 'policy.changed', set_by, jsonb_build_object('version', version::text) from hub_policy order by version;
insert into access_event (at, kind, actor, session, address, detail)
select at, 'webhook.replayed', person, session, address, jsonb_build_object('endpoint', endpoint, 'count', count::text) from webhook_replay order by id;
