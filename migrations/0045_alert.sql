-- +goose Up
alter table notification
    add column alert       jsonb,
    add column secret      bytea,
    add column secret_ends timestamptz,
    add constraint notification_secret_ends check ((secret is null) = (secret_ends is null));
create index notification_secret on notification (secret_ends) where secret is not null;
comment on column notification.alert is 'hub.Alert of what comes from no document: enumerated words, never content. Null for everything else.';
comment on column notification.secret is 'hub.Secret, sealed: the code or link that a text message carries. Null when there is none, or no longer.';
comment on column notification.secret_ends is 'When it is worth nothing any more, and forgotten.';
alter table ledger add column alert jsonb;
comment on column ledger.alert is 'hub.Alert, as it was; null for what came from a document.';
