-- +goose Up
alter table person add column version integer not null default 1;
alter table unit add column version integer not null default 1;
comment on column person.version is 'Bumped by every change that an administrator makes to the person or the account: two cannot undo each other''s unseen.';
comment on column unit.version is 'Bumped by every change of the unit.';
create index person_unit on person (unit);

-- Whom a document is handed on to when somebody leaves, and by whom, is on record
-- whichever statement does it.
-- +goose StatementBegin
create function audit_reassigned() returns trigger language plpgsql as $$
declare
    doc document;
    was text;
    now_with text;
    what text;
begin
    if tg_table_name = 'step' then
        select * into doc from document where id = new.document;
        was := old.person; now_with := new.person; what := new.duty;
    else
        doc := new;
        was := old.handler; now_with := new.handler; what := 'handler';
    end if;
    insert into access_event (at, kind, actor, person, account, session, address, network, detail)
    values (clock_timestamp(), 'work.reassigned', nullif(current_setting('qianhe.actor', true), ''), was, (select a.id from account a where a.person = was),
        coalesce(current_setting('qianhe.session', true), ''), coalesce(current_setting('qianhe.address', true), ''), coalesce(current_setting('qianhe.network', true), ''),
        jsonb_strip_nulls(jsonb_build_object('document', doc.id, 'number', case when doc.grade = '' then doc.number end, 'duty', what,
            'to', (select p.name from person p where p.id = now_with), 'to_id', now_with, 'operator', nullif(current_setting('qianhe.operator', true), ''))));
    return null;
end
$$;
-- +goose StatementEnd
comment on function audit_reassigned() is 'A step, or a document, has passed into other hands without having been acted on (改分).';
create trigger audit_reassigned_step after update of person on step for each row when (old.person <> new.person) execute function audit_reassigned();
create trigger audit_reassigned_document after update of handler on document for each row when (old.handler <> new.handler) execute function audit_reassigned();
