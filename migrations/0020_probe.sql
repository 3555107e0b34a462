-- +goose Up
alter table channel_state
    add column probed_at   timestamptz,
    add column probe_error text not null default '';
comment on column channel_state.probed_at is 'When the provider was last asked whether our credentials and its callbacks are in order; null when it never was.';
comment on column channel_state.probe_error is 'What was not, in words, without addresses; empty when all was.';
