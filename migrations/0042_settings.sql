-- +goose Up
create table access_settings (
    version  integer primary key check (version > 0),
    settings jsonb not null,
    set_by   text references person (id),
    set_at   timestamptz not null
);
comment on table  access_settings is 'What the organisation has decided on who is let in, from where and how; append-only, the last one is in force.';
comment on column access_settings.version is 'Order of entry, without gaps: who saves upon a version that is not the last one is refused.';
comment on column access_settings.settings is 'access.Settings by key: only what departs from the default.';
comment on column access_settings.set_by is 'Who decided; null on the command line.';
comment on column access_settings.set_at is 'When.';
create trigger access_settings_append_only before update or delete on access_settings for each row execute function refuse_change();
