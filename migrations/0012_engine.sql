-- +goose Up
alter table delivery add column held_until timestamptz;
comment on column delivery.held_until is 'Not even then earlier when every other way has failed: quiet hours (勿擾時段).';

create table channel_rate (
    channel text primary key,
    tokens  double precision not null,
    as_of   timestamptz not null
);
comment on table  channel_rate is 'Token buckets: how many messages a provider still takes, from all nodes together.';
comment on column channel_rate.channel is 'Which.';
comment on column channel_rate.tokens is 'How many, at most the burst.';
comment on column channel_rate.as_of is 'When that was; in the future while the provider wants to be left alone.';
