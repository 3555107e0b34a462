-- +goose Up
alter table channel_link add column reached_at timestamptz;
create index channel_link_reached on channel_link (channel, reached_at nulls first) where disabled_at is null and channel = 'line';
comment on column channel_link.reached_at is 'When its provider was last asked whether messages reach it; null for never.';
